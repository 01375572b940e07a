// Logs of strace that programs left on another machine (test/logs): the simulated kernel says what that machine said.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { playScenarios } from '../../../backends/sim/open.ts'
import { repository } from '../../support/source.ts'

const directory = join(repository, 'test/logs')
const read = (name: string): string => readFileSync(join(directory, name), 'utf8')

/** How a text plays: verdicts by the number of the line. */
async function verdicts(text: string): Promise<ReadonlyMap<number, string>> {
  const [played] = await playScenarios(text)
  return new Map(played!.lines.map(({ line, verdict }) => [line, verdict]))
}

const start = '7 execve("/usr/bin/x", ["x"], 0x7ffd0 /* 2 vars */) = 0\n7 brk(NULL) = 0x55d0c0a00000\n'

describe('logs of another machine', () => {
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.log')))
    it(`${name} plays without a difference, and at most a tenth of it is not modelled`, async () => {
      const [played] = await playScenarios(read(name))
      expect(played!.summary, played!.report).toContain(' 0 differ')
      expect(played!.passed, played!.report).toBe(true)
    })

  it('several files of strace -ff are one log, whose tasks go on as their calls can end', async () => {
    const names = readdirSync(join(directory, 'sh-ff')).map((name) => join('sh-ff', name))
    const [played] = await playScenarios(names.map((name) => ({ name, text: read(name) })))
    expect(played!.passed, played!.report).toBe(true)
    expect(played!.lines.length).toBeGreaterThan(200)
  })

  it('one file of several plays, too: children that it does not follow end as it says', async () => {
    const [played] = await playScenarios(read('sh-ff/log.17811'))
    expect(played!.passed, played!.report).toBe(true)
  })

  it('an unmount that the log says was refused differs, because that depends on its own calls alone', async () => {
    const text = read('mount-tmpfs.log')
    const lies = text.replace(
      /umount2\("\/tmp\/x\/m", 0\) += 0/,
      'umount2("/tmp/x/m", 0) = -1 EBUSY (Device or resource busy)',
    )
    expect(lies).not.toBe(text)
    const [played] = await playScenarios(lies)
    expect(played!.summary).toContain(' 1 differ')
    expect(played!.passed).toBe(false)
  })

  it('a log whose end was cut off plays up to there', async () => {
    const [played] = await playScenarios(read('bwrap.log').slice(0, 20_000))
    expect(played!.passed, played!.report).toBe(true)
  })

  it('a file that is opened was there; one that the log has removed is not', async () => {
    const seen = await verdicts(
      `${start}7 openat(AT_FDCWD, "/srv/a", O_RDONLY) = 3\n7 close(3) = 0\n7 unlink("/srv/a") = 0\n7 openat(AT_FDCWD, "/srv/a", O_RDONLY) = 3\n`,
    )
    expect([3, 5, 6].map((line) => seen.get(line))).toEqual(['agrees', 'agrees', 'differs'])
  })

  it('a file that the log makes later is not there before', async () => {
    const seen = await verdicts(
      `${start}7 access("/srv/d", F_OK) = -1 ENOENT (No such file or directory)\n7 mkdir("/srv/d", 0755) = 0\n7 mkdir("/srv/d", 0755) = -1 EEXIST (File exists)\n`,
    )
    expect([3, 4, 5].map((line) => seen.get(line))).toEqual(['agrees', 'agrees', 'agrees'])
  })

  it('what was read at first is what the file has, and a later read that says otherwise differs', async () => {
    const open = '7 openat(AT_FDCWD, "/srv/a", O_RDONLY) = 3\n'
    const seen = await verdicts(
      `${start}${open}7 read(3, "one\\n", 100) = 4\n7 close(3) = 0\n${open}7 read(3, "two\\n", 100) = 4\n`,
    )
    expect([4, 7].map((line) => seen.get(line))).toEqual(['agrees', 'differs'])
  })

  it('a tmpfs that the log mounts is empty, whatever the log then opens in it', async () => {
    const seen = await verdicts(
      `${start}7 unshare(CLONE_NEWNS) = 0\n7 mount("t", "/srv", "tmpfs", 0, NULL) = 0\n7 openat(AT_FDCWD, "/srv/a", O_RDONLY) = 3\n`,
    )
    expect([4, 5].map((line) => seen.get(line))).toEqual(['agrees', 'differs'])
  })

  it('whose log it is shows when it does not say so: what was forbidden was forbidden to an ordinary user', async () => {
    const seen = await verdicts(`${start}7 unshare(CLONE_NEWNS) = -1 EPERM (Operation not permitted)\n`)
    expect(seen.get(3)).toBe('agrees')
  })

  it('a descriptor of a call that is not modelled makes what is done with it not modelled, not different', async () => {
    const seen = await verdicts(
      `${start}7 io_uring_setup(8, {}) = 3\n7 fcntl(3, F_GETFD) = 0\n7 close(3) = 0\n7 dup(0) = 3\n7 close(3) = 0\n`,
    )
    expect([3, 4, 5, 7].map((line) => seen.get(line))).toEqual([
      'not modelled',
      'not modelled',
      'not modelled',
      'agrees',
    ])
  })

  it.each([
    ['-f with names', '7<x> getpid() = 7<x>'],
    ['-t', '7 12:00:01 getpid() = 7'],
    ['-r', '7      0.000123 getpid() = 7'],
    ['-ttt and -T', '7 1700000000.123456 getpid() = 7 <0.000010>'],
    ['-n', '7 [  39] getpid() = 7'],
    ['-i', '7 [00007f1112223334] getpid() = 7'],
    ['-f without -o', '[pid     7] getpid() = 7'],
  ])('lines of strace %s are read', async (_option, line) => {
    const seen = await verdicts(`${start}${line}\n`)
    expect(seen.get(3)).toBe('agrees')
  })

  it('what the programs have printed in between is no call', async () => {
    const [played] = await playScenarios(`${start}hello, world\n7 getpid() = 7\nstrace: Process 8 attached\n`)
    expect(played!.summary).toBe('3 calls: 3 agree, 0 differ, 0 not modelled')
  })

  it('fifty thousand lines take seconds', { timeout: 30_000 }, async () => {
    const calls = '7 openat(AT_FDCWD, "/srv/a", O_RDONLY) = 3\n7 read(3, "x", 10) = 1\n7 close(3) = 0\n'
    const [played] = await playScenarios(start + calls.repeat(17_000))
    expect(played!.summary).toBe('51002 calls: 51002 agree, 0 differ, 0 not modelled')
  })
})

describe('a root file', () => {
  const scenario =
    '7 openat(AT_FDCWD, "/srv/a", O_RDONLY) = 3\n7 read(3, "one\\n", 100) = 4\n7 readlink("/srv/l", "a", 9) = 1\n'

  it('gives a machine the paths that it lists', async () => {
    const text = '# paths\n/srv/a file 0644 0 0 "one\\n"\n/srv/l symlink - - - a\n"/srv/b c" directory 0700 5 5\n'
    const [played] = await playScenarios(scenario, undefined, { name: 'paths', text })
    expect(played!.passed, played!.report).toBe(true)
  })

  it.each([
    ['srv/a file', 'paths, line 2: the path srv/a does not begin with /'],
    ['/srv/a pipe', 'paths, line 2: "pipe" is no type; there are file, directory'],
    ['/srv/a file 999', 'paths, line 2: "999" is no mode, as 0644 is'],
    ['/srv/a file 0644 root', 'paths, line 2: "root" is no number of a user or group'],
    ['/srv/a symlink 0777 0 0', 'paths, line 2: a symlink needs a target behind its owner'],
    ['/dev/x character 0666 0 0 three', 'paths, line 2: a device needs its numbers behind its owner, as 1:3'],
    ['/srv/a', 'paths, line 2: expected PATH TYPE MODE UID GID [CONTENT]'],
  ])('with the line %j is refused by that line', async (line, message) => {
    await expect(playScenarios(scenario, undefined, { name: 'paths', text: `# one\n${line}\n` })).rejects.toThrow(
      message,
    )
  })
})
