// The commands on volumes, and the flags of run that have to do with them. podman-volume(1), podman-run(1)

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect } from 'vitest'
import { launcher, stateOptions } from '../support/cli.ts'
import { isUserModeLinux, skipUnless } from '../support/needs.ts'
import { image, needsContainers, openSession } from '../support/session.ts'

const { describe, it } = skipUnless(needsContainers)

describe('volumes', () => {
  const session = openSession()
  const { directory, ok, run, inside, waiting, remove } = session

  it('are made, listed, looked at and removed', async () => {
    expect(await ok(['volume', 'create', '--label=tier=back', '-o', 'o=uid=5', 'db'])).toBe('db')
    const random = await ok(['volume', 'create'])
    expect(random).toMatch(/^[0-9a-f]{64}$/)
    expect(await run(['volume', 'create', 'db'])).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(/already exists\n$/),
    })
    expect(await ok(['volume', 'create', '--ignore', 'db'])).toBe('db')
    expect(await ok(['volume', 'ls'])).toBe(`DRIVER  VOLUME NAME\nlocal   ${[random, 'db'].sort().join('\nlocal   ')}`)
    expect(await ok(['volume', 'ls', '-n', '--filter', 'name=d,label=tier=back'])).toBe('local  db')
    expect(await ok(['volume', 'ls', '-q', '--filter=label!=tier'])).toBe(random)
    expect(await ok(['volume', 'ls', '--format', '{{.Name}} {{.Driver}} {{.Labels.tier}}', '-f', 'opt=o'])).toBe(
      'db local back',
    )
    expect((await run(['volume', 'ls', '--filter=colour=red'])).stderr).toContain(
      '--filter=colour=red: must be KEY=VALUE',
    )
    expect(JSON.parse(await ok(['volume', 'inspect', 'db']))).toMatchObject([
      {
        ...{ Name: 'db', Driver: 'local', Scope: 'local', Labels: { tier: 'back' }, Options: { o: 'uid=5' } },
        ...{ Mountpoint: join(directory, 'root/volumes/db/_data'), NeedsCopyUp: true, MountCount: 0 },
      },
    ])
    expect(await ok(['volume', 'inspect', '-f', '{{.Name}}', random.slice(0, 12)])).toBe(random)
    const codes = []
    for (const name of ['db', 'nosuch']) codes.push((await run(['volume', 'exists', name])).code)
    expect(codes).toEqual([0, 1])
    expect(await ok(['volume', 'rm', 'db', random.slice(0, 12)])).toBe(`db\n${random}`)
    expect(await run(['volume', 'rm', 'db'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no such volume'),
    })
  })

  it('say what podman has and vitrine does not', async () => {
    for (const command of ['mount', 'unmount', 'reload'])
      expect((await run(['volume', command, 'x'])).stderr).toMatch(new RegExp(`volume ${command}.*podman's`))
    for (const [flags, sentence] of [
      [['--driver=image'], 'there is only the driver local'],
      [['-o', 'type=nfs'], '--opt=type=nfs: a volume is a tmpfs'],
      [['-o', 'colour'], '--opt=colour: the value is missing'],
      [['a/b'], 'volume name "a/b": must be letters'],
    ] as const)
      expect((await run(['volume', 'create', ...flags])).stderr).toContain(sentence)
  })

  it('are refused to be removed while a container has them, and go with it by force', async () => {
    await waiting('holder', ['-v', 'held:/h'])
    const refused = await run(['volume', 'rm', 'held'])
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/used by container holder \([0-9a-f]{12}\)/),
    ])
    expect(await ok(['volume', 'ls', '-q', '--filter=dangling=false'])).toBe('held')
    expect(await ok(['volume', 'inspect', '-f', '{{.MountCount}}', 'held'])).toBe('1')
    expect(await ok(['volume', 'rm', '--force', '--time=0', 'held'])).toBe('held')
    expect(await ok(['ps', '-aq'])).toBe('')
  })

  it('are pruned when no container has them, after a question', async () => {
    await ok(['volume', 'create', 'loose', '-l', 'keep'])
    await ok(['create', '--name', 'unstarted', '-v', 'tied:/t', '-v', '/anonymous', image])
    expect((await run(['volume', 'prune'], { stdin: 'n\n' })).stdout).toMatch(/WARNING!.*\nloose\n/s)
    expect((await run(['volume', 'prune'])).code).toBe(125)
    expect(await ok(['volume', 'prune', '-f', '--filter', 'label!=keep'])).toBe('')
    expect((await run(['volume', 'prune'], { stdin: 'y\n' })).stdout).toMatch(/\nloose\n$|\] loose\n$/)
    await ok(['rm', 'unstarted'])
    expect((await ok(['volume', 'prune', '--force'])).split('\n')).toEqual([
      expect.stringMatching(/^[0-9a-f]{64}$/),
      'tied',
    ])
  })

  it('are archived, and filled from archives', async () => {
    await inside(['-v', 'from:/f'], 'mkdir /f/d; echo content >/f/d/file; ln -s d/file /f/link; chown 7:8 /f/d/file')
    const archive = join(directory, 'files.tar')
    await ok(['volume', 'export', '--output', archive, 'from'])
    await ok(['volume', 'create', 'to'])
    await ok(['volume', 'import', 'to', 'files.tar'], { cwd: directory })
    const script = 'cat /t/link; stat -c %u:%g /t/d/file'
    expect(await inside(['-v', 'to:/t'], script)).toBe('content\n7:8')
    expect((await run(['volume', 'import', 'nosuch', archive])).code).toBe(1)
    expect((await run(['volume', 'import', 'to'], { stdin: 'nonsense' })).stderr).toContain('tar archive')
  })
  describe('of run', () => {
    let shared: string
    beforeAll(() => {
      shared = join(directory, 'shared')
      mkdirSync(shared)
      writeFileSync(join(shared, 'file'), 'of the host\n')
    })

    it('are mounted by --mount as by -v', async () => {
      const flags = [
        `--mount=type=bind,source=${shared},destination=/b,ro`,
        '--mount=type=volume,src=mounted,dst=/v',
        '--mount=type=tmpfs,dst=/t,tmpfs-size=64k,tmpfs-mode=700',
      ]
      const script = 'cat /b/file; touch /v/x; touch /b/y 2>&1; stat -c %a /t; stat -f -c %T /t'
      expect(await inside(flags, script)).toBe('of the host\ntouch: /b/y: Read-only file system\n700\ntmpfs')
      expect(readdirSync(join(directory, 'root/volumes/mounted/_data'))).toEqual(['x'])
      expect((await run(['run', '--mount=type=image,src=x,dst=/i', image])).stderr).toContain('type=image')
    })

    it('keep changes away from a directory with :O', async () => {
      expect(await inside(['-v', `${shared}:/o:O`], 'echo changed >/o/file; touch /o/new; cat /o/file')).toBe('changed')
      expect(readdirSync(shared)).toEqual(['file'])
      expect(readFileSync(join(shared, 'file'), 'utf8')).toBe('of the host\n')
    })

    it("are another container's with --volumes-from", async () => {
      await ok([
        'run',
        '--network=none',
        '--name=first',
        '-v',
        '/a',
        '-v',
        'named:/n',
        image,
        'sh',
        '-c',
        'echo a >/a/x',
      ])
      expect(await inside(['--volumes-from', 'first:ro'], 'cat /a/x; touch /n/y 2>&1 || true')).toBe(
        'a\ntouch: /n/y: Read-only file system',
      )
      expect(await ok(['ps', '-aq', '--filter', 'volume=named'])).toHaveLength(12)
      await ok(['rm', '-v', 'first'])
      expect((await ok(['volume', 'ls', '-q'])).split('\n')).toContain('named')
      expect(await ok(['volume', 'ls', '-q', '--filter=anonymous=true'])).toBe('')
      expect((await run(['run', '--volumes-from=nosuch', image])).stderr).toContain('no such container')
    })

    it('are shown by --dry-run, and nothing is made', async () => {
      const flags = ['--dry-run', '--network=none', '-v', 'thought:/t', '-v', `${shared}:/o:O`, '-v', '/a']
      const plan = await ok(['run', ...flags, image, 'true'])
      expect(plan).toContain('lay the overlay for /o together')
      expect(existsSync(join(directory, 'root/volumes/thought'))).toBe(false)
      expect(await ok(['volume', 'ls', '-q', '--filter=anonymous=true'])).toBe('')
    })

    it('are whole or not there when the command is killed', async () => {
      const count = isUserModeLinux() ? 3 : 10
      for (let i = 0; i < count; i++) {
        const words = ['run', '--rm', '-d', '--network=none', '-v', `killed${i}:/etc`, '-v', '/a', image, 'true']
        const child = spawn(process.execPath, ['--', launcher, ...stateOptions(directory), ...words], {
          stdio: 'ignore',
        })
        const ended = new Promise((resolve) => child.once('close', resolve))
        await sleep(60 + i * 15)
        child.kill('SIGKILL')
        await ended
        expect(await inside(['-v', `killed${i}:/etc`], 'ls /etc')).toBe(await inside([], 'ls /etc | grep -v hosts'))
      }
      await remove(...(await ok(['ps', '-aq'])).split('\n').filter(Boolean), 'none').catch(() => {})
      await ok(['volume', 'rm', '--all', '--force'])
      expect(readdirSync(join(directory, 'root/volumes'))).toEqual([])
    })
  })
})
