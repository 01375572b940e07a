// Playing: whose line it is, what is bound, what counts as agreeing, and how that is told.

import { describe, expect, it } from 'vitest'
import { play } from '../../../sim/scenario/play.ts'
import { count, passes, report, summary } from '../../../sim/scenario/result.ts'
import { parseScenario } from '../../../sim/scenario/scenario.ts'
import { simulatedStage } from '../../../sim/scenario/stage-sim.ts'

const played = async (text: string) => await play(parseScenario(text), simulatedStage())
const verdicts = async (text: string) => (await played(text)).played.map(({ verdict }) => verdict)

describe('playing a scenario', () => {
  it('takes descriptors for names, which are bound when they are first seen', async () => {
    expect(
      await verdicts(`openat(AT_FDCWD, "/tmp/a", O_RDWR|O_CREAT, 0644) = 17
openat(AT_FDCWD, "/tmp/a", O_RDONLY) = 21
write(17, "abc", 3) = 3
read(21, "abc", 10) = 3
close(17) = 0
write(17, "abc", 3) = -1 EBADF (Bad file descriptor)`),
    ).toEqual(['agrees', 'agrees', 'agrees', 'agrees', 'agrees', 'agrees'])
  })

  it('compares what is read, as far as it is written', async () => {
    const start = 'openat(AT_FDCWD, "/tmp/a", O_RDWR|O_CREAT, 0644) = 3\nwrite(3, "hello", 5) = 5\n'
    const read = async (text: string) => (await verdicts(`${start}${text}`)).at(-1)
    expect(await read('pread64(3, "hello", 10, 0) = 5')).toBe('agrees')
    expect(await read('pread64(3, "hel"..., 10, 0) = 5')).toBe('agrees')
    expect(await read('pread64(3, "help", 10, 0) = 5')).toBe('differs')
    expect(await read('pread64(3, "hello", 10, 0) = ?')).toBe('left out')
    expect(await read('pread64(3, 0x7ffd, 10, 0) = 5')).toBe('agrees')
    expect(await read('pread64(3, "", 10, 0) = ?\n# contains: "ell"')).toBe('holds')
    expect(await read('pread64(3, "", 10, 0) = ?\n# lacks: "ell"')).toBe('fails')
  })

  it('compares a struct in the fields that are mentioned', async () => {
    const stat = async (text: string) => (await verdicts(`mkdir("/tmp/a", 0711) = 0\n${text}`)).at(-1)
    expect(await stat('stat("/tmp/a", {st_mode=S_IFDIR|0711, st_uid=0, ...}) = 0')).toBe('agrees')
    expect(await stat('stat("/tmp/a", {st_mode=S_IFDIR|0755, ...}) = 0')).toBe('differs')
    expect(await stat('statx(AT_FDCWD, "/tmp/a", 0, STATX_MODE, {stx_mode=S_IFDIR|0711, ...}) = 0')).toBe('agrees')
  })

  it('shows what differs, with the rule, and counts', async () => {
    const result = await played('mkdir("/tmp/a", 0755) = 0\nmkdir("/tmp/a", 0755) = 0\nstrange() = 0')
    expect(summary(result)).toBe('3 calls: 1 agree, 1 differ, 1 not modelled')
    expect(passes(result)).toBe(false)
    expect(report(result)).toMatch(
      /^line 2: differs\n {2}written {2}mkdir\("\/tmp\/a", 0755\) = 0\n {2}sim 6\.12 mkdir\(.*EEXIST.*\n {2}rule {5}\S+: /,
    )
  })

  it('counts a declared difference, for the kernels that it is about alone', async () => {
    const text = (on: string) =>
      `# differs: MNT-001 on ${on} -> = 0\nmkdir("/tmp/a", 0755) = -1 EPERM (Operation not permitted)`
    expect(count(await played(text('>= 6.9')))).toMatchObject({ declared: 1, differs: 0 })
    expect(count(await played(text('sim')))).toMatchObject({ declared: 1, differs: 0 })
    expect(count(await played(text('< 6.9')))).toMatchObject({ declared: 0, differs: 1 })
  })

  it('skips the lines of a task that was never born', async () => {
    const result = await verdicts('[pid 2] getuid() = 0\n[pid 9] getuid() = 0')
    expect(result[1]).toBe('skipped')
  })
})
