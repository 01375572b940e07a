// Attacks on a container's start and on exec, each shown to fail: descriptors, the runtime itself, links of the image.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import {
  hashOf,
  hostileRoot,
  inHostileRoot,
  listDescriptors,
  python,
  run,
  swapping,
  withContainer,
} from '../support/attacks.ts'
import { cli, launcher, stateOptions } from '../support/cli.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({
  linux: true,
  root: true,
  natives: true,
  filesystems: ['overlay'],
  seccompFilters: true,
  cgroupBpf: true,
  programs: ['python3'],
})

describe('descriptors', () => {
  it('a program has no descriptor of the runtime or of its caller: run, run -i, exec, exec -i', () =>
    withTemporaryDirectory(async (directory) => {
      const script = listDescriptors
      const caller = (...argv: string[]) =>
        spawnSync(
          'bash',
          [
            '-c',
            'exec 7</etc/hostname 9>/dev/null 63</; exec "$@"',
            'x',
            process.execPath,
            launcher,
            ...stateOptions(directory),
            ...argv,
          ],
          { encoding: 'utf8', input: '' },
        ).stdout.trim()
      const shell = ['--rootfs', '/:O', 'bash', '-c', script]
      expect(caller('run', '--rm', '--network=none', ...shell)).toBe('0 1 2')
      expect(caller('run', '--rm', '-i', '--network=none', ...shell)).toBe('0 1 2')
      await withContainer(directory, 'sleep 600', [], async () => {
        expect(caller('exec', 'target', 'bash', '-c', script)).toBe('0 1 2')
        expect(caller('exec', '-i', 'target', 'bash', '-c', script)).toBe('0 1 2')
      })
    }))

  it('a program has none with a terminal and when it is detached either', () =>
    withTemporaryDirectory(async (directory) => {
      const script = listDescriptors
      const terminal = (...argv: string[]) =>
        spawnSync(
          'python3',
          [
            '-c',
            'import pty,sys; pty.spawn(sys.argv[1:])',
            process.execPath,
            launcher,
            ...stateOptions(directory),
            ...argv,
          ],
          { encoding: 'utf8', input: '' },
        ).stdout.trim()
      expect(terminal('run', '--rm', '-t', '--network=none', '--rootfs', '/:O', 'bash', '-c', script)).toBe('0 1 2')
      for (const flag of ['-d', '-dt', '-di']) {
        await cli(['run', flag, '--name=quiet', '--network=none', '--rootfs', '/:O', 'bash', '-c', script], {
          directory,
        })
        await cli(['wait', 'quiet'], { directory })
        expect((await cli(['logs', 'quiet'], { directory })).stdout.trim(), flag).toBe('0 1 2')
        await cli(['rm', '-f', 'quiet'], { directory })
      }
      await withContainer(directory, 'sleep 600', [], async () => {
        expect(terminal('exec', '-t', 'target', 'bash', '-c', script)).toBe('0 1 2')
        expect(terminal('exec', '-it', 'target', 'bash', '-c', script)).toBe('0 1 2')
      })
    }))

  it("none is the host's own /dev/null, whose mode a container could change for all", () =>
    withTemporaryDirectory(async (directory) => {
      const program = [
        'import os, stat',
        'for fd in 0, 1, 2:',
        '  kind = os.fstat(fd).st_mode',
        '  print("device" if stat.S_ISCHR(kind) else "pipe")',
        'print(os.read(0, 1))',
      ].join('\n')
      const argv = ['--rootfs', '/:O', 'python3', '-c', program]
      const expected = "pipe\npipe\npipe\nb''\n"
      expect((await cli(['run', '--rm', '--network=none', ...argv], { directory })).stdout).toBe(expected)
      await withContainer(directory, 'sleep 600', [], async () => {
        expect((await cli(['exec', 'target', 'python3', '-c', program], { directory })).stdout).toBe(expected)
      })
    }))

  it('a program of another user than root may open its standard streams by name', () =>
    withTemporaryDirectory(async (directory) => {
      const script = 'cat /dev/stdin; echo out >/dev/stdout; echo err >/dev/stderr'
      for (const flags of [['--user=1000'], ['--user=1000', '-i']]) {
        const { stdout, stderr } = await run(directory, script, flags, { stdin: 'in\n' })
        expect({ stdout, stderr }).toEqual({ stdout: flags.length > 1 ? 'in\nout\n' : 'out\n', stderr: 'err\n' })
      }
    }))

  it('a working directory below /proc/self/fd leads to no descriptor of the runtime (CVE-2024-21626)', () =>
    withTemporaryDirectory(async (directory) => {
      for (let fd = 3; fd < 20; fd += 4)
        for (const path of [`/proc/self/fd/${fd}`, `/proc/1/fd/${fd}`, '/proc/self/cwd', '/proc/1/root'])
          expect((await run(directory, 'pwd', ['-w', path])).code, path).toBeGreaterThanOrEqual(125)
      await withContainer(directory, 'sleep 600', [], async () => {
        for (const path of ['/proc/self/fd/7', '/proc/self/cwd', '/proc/1/cwd'])
          expect((await cli(['exec', '-w', path, 'target', 'pwd'], { directory })).code, path).toBeGreaterThanOrEqual(
            125,
          )
      })
    }))

  it("the caller's terminal cannot be typed into (TIOCSTI), nor opened as /dev/tty", () =>
    withTemporaryDirectory(async (directory) => {
      const script = python(
        [
          'import os, fcntl, termios',
          'for fd in 0, 1, 2:',
          '  try: fcntl.ioctl(fd, termios.TIOCSTI, b"x"); print("typed")',
          '  except OSError as e: pass',
          'try: os.open("/dev/tty", os.O_RDWR); print("opened")',
          'except OSError as e: print(os.strerror(e.errno))',
        ].join('\n'),
      )
      for (const flags of [[], ['-i']]) {
        const argv = ['run', '--rm', ...flags, '--network=none', '--rootfs', '/:O', 'sh', '-c', script]
        const { stdout } = spawnSync(
          'python3',
          [
            '-c',
            'import pty,sys; pty.spawn(sys.argv[1:])',
            process.execPath,
            launcher,
            ...stateOptions(directory),
            ...argv,
          ],
          { encoding: 'utf8', input: '' },
        )
        expect(stdout.trim()).toBe('No such device or address')
      }
    }))
})

describe("the runtime's own program (CVE-2019-5736)", () => {
  it('an image whose program is /proc/self/exe gets a sealed copy of the monitor, and no way to write to it', () =>
    withTemporaryDirectory(async (directory) => {
      const before = hashOf(process.execPath)
      const script = 'ln -s /proc/self/exe /entry; exec /entry'
      const root = hostileRoot(directory, { entry: '/proc/self/exe' })
      const argv = [
        'run',
        '--rm',
        '--network=none',
        '-v',
        '/usr:/usr:ro',
        '--rootfs',
        root,
        '/entry',
        '-e',
        'console.log("node")',
      ]
      const direct = await cli(argv, { directory })
      expect(direct.stdout).toBe('')
      expect(direct.code).not.toBe(0)
      expect((await run(directory, script)).stdout).toBe('')
      expect(hashOf(process.execPath)).toBe(before)
    }))

  it('whatever a container opens of exec by /proc/PID/exe, it cannot write to the program that the runtime is', () =>
    withTemporaryDirectory(async (directory) => {
      const attack = python(
        [
          'import os, time',
          'seen = open("/attack", "w", 1)',
          'end = time.time() + 60',
          'while time.time() < end:',
          '  for pid in os.listdir("/proc"):',
          '    if not pid.isdigit() or int(pid) < 3: continue',
          '    try: link = os.readlink(f"/proc/{pid}/exe")',
          '    except OSError: continue',
          '    if "python" in link: continue',
          '    seen.write(f"saw {link}\\n")',
          '    try: fd = os.open(f"/proc/{pid}/exe", os.O_RDWR)',
          '    except OSError: continue',
          '    target = os.readlink(f"/proc/self/fd/{fd}")',
          '    try: os.write(fd, b"#!"); seen.write(f"wrote {target}\\n")',
          '    except OSError as e: seen.write(f"refused {e.errno}\\n")',
          '    os.close(fd)',
        ].join('\n'),
      )
      const before = hashOf(process.execPath)
      await withContainer(directory, attack, [], async () => {
        for (let i = 0; i < 12; i++) await cli(['exec', 'target', '/usr/bin/env', 'true'], { directory })
        const seen = (await cli(['exec', 'target', 'cat', '/attack'], { directory })).stdout
        const lines = new Set(seen.split('\n').map((line) => line.split(' ').slice(0, 2).join(' ')))
        expect([...lines].filter((line) => line.startsWith('wrote /memfd') || line.includes('/node'))).toEqual([])
      })
      expect(hashOf(process.execPath)).toBe(before)
    }))
})

describe('links of the image', () => {
  it('proc and sysfs are mounted on directories only, never through a link (CVE-2019-16884, CVE-2023-27561)', () =>
    withTemporaryDirectory(async (directory) => {
      for (const [name, target] of [
        ['proc', '.'],
        ['proc', 'tmp'],
        ['sys', '/tmp'],
        ['sys', '/proc'],
      ] as const) {
        const own = join(directory, `${name}${target.length}`)
        const root = hostileRoot(own, { [name]: target })
        const { code, stderr } = await inHostileRoot(directory, root, 'true')
        expect({ code, stderr }, `${name} -> ${target}`).toMatchObject({ code: 125 })
        expect(stderr).toContain('ELOOP')
      }
    }))

  it('a link that leads up and out leads to the container itself (CVE-2021-30465)', () =>
    withTemporaryDirectory(async (directory) => {
      const host = join(directory, 'host')
      mkdirSync(host)
      mkdirSync(join(directory, 'volume'))
      writeFileSync(join(directory, 'volume', 'mine'), '')
      const root = hostileRoot(directory, { up: `../../../../../..${host}`, absolute: host, magic: '/proc/self/fd/3' })
      const before = readFileSync('/proc/self/mountinfo', 'utf8')
      for (const destination of ['/up/new', '/absolute', '/up']) {
        const volume = `${join(directory, 'volume')}:${destination}`
        const { stdout, stderr } = await inHostileRoot(directory, root, `ls ${destination}`, ['-v', volume])
        expect({ stdout, stderr }, destination).toEqual({ stdout: 'mine\n', stderr: '' })
      }
      const magic = await inHostileRoot(directory, root, 'true', ['-v', `${join(directory, 'volume')}:/magic/new`])
      expect(magic.code).toBe(125)
      expect(readdirSync(host)).toEqual([])
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before)
    }))

  it('/dev, /dev/shm and /dev/console as links lead nowhere else', () =>
    withTemporaryDirectory(async (directory) => {
      const root = hostileRoot(directory, { dev: 'tmp' })
      const { stdout } = await inHostileRoot(directory, root, 'stat -c "%F %t:%T" /dev/null; ls -l /tmp/shm | head -1')
      expect(stdout).toBe('character special file 1:3\ntotal 0\n')
      const host = join(directory, 'host')
      mkdirSync(host)
      const other = hostileRoot(join(directory, 'two'), {})
      mkdirSync(join(other, 'dev'))
      symlinkSync('/', join(other, 'dev/shm'))
      symlinkSync(join(host, 'file'), join(other, 'dev/console'))
      symlinkSync('/etc/hostname', join(other, 'dev/null'))
      expect(
        (
          await inHostileRoot(
            directory,
            other,
            'stat -c "%F" /dev/null /dev/shm; cat /usr/lib/os-release | grep -c ^ID=',
          )
        ).stdout,
      ).toMatch(/^character special file\ndirectory\n1\n$/)
      expect(readdirSync(host)).toEqual([])
    }))

  it(
    'nothing is made outside while a link and a directory change places under a mount point (CVE-2024-45310)',
    { timeout: 120_000 },
    () =>
      withTemporaryDirectory(async (directory) => {
        const host = join(directory, 'host')
        mkdirSync(host)
        const root = hostileRoot(directory, {})
        mkdirSync(join(root, 'a'))
        symlinkSync(host, join(root, 'b'))
        await swapping(root, ['a', 'b'], async () => {
          let worked = 0
          for (let i = 0; i < 15; i++) {
            const { code } = await inHostileRoot(
              directory,
              root,
              'true',
              [
                ...['-v', `${directory}/volume${i}:/a/x${i}/y`],
                ...['--tmpfs', `/a/t${i}`, '-v', `/etc/hostname:/a/f${i}`],
              ].map((flag) => flag.replace(`${directory}/volume${i}`, '/usr/share')),
            )
            if (code === 0) worked++
            expect(readdirSync(host)).toEqual([])
          }
          expect(worked).toBeGreaterThan(0)
        })
      }),
  )

  it(
    "exec takes users from the container's passwd, and never from a link out of it, a pipe, or a file without end",
    { timeout: 60_000 },
    () =>
      withTemporaryDirectory(async (directory) => {
        const attempt = (user: string) =>
          cli(['exec', '--user', user, 'target', 'true'], { directory, timeoutMs: 10_000 })
        await withContainer(directory, 'rm -f /etc/passwd; sleep 600', [], async () => {
          const inside = (script: string) => cli(['exec', 'target', 'sh', '-c', script], { directory })
          for (const make of [
            'ln -s /proc/1/root/etc/shadow /etc/passwd',
            'mkfifo /etc/passwd',
            'mkdir /etc/passwd',
            'truncate -s 20G /etc/passwd',
            'ln -s /proc/kmsg /etc/passwd',
            'mknod /etc/passwd c 1 5',
            'ln -s passwd /etc/passwd',
          ]) {
            await inside(`rm -rf /etc/passwd; ${make}`)
            const { code, stderr } = await attempt('nobody')
            expect({ make, code }, stderr).toEqual({ make, code: 125 })
          }
        })
      }),
  )

  it('a passwd of an image that is a link, a pipe or huge is none, and stops nothing', () =>
    withTemporaryDirectory(async (directory) => {
      const root = hostileRoot(directory, {})
      const path = join(root, 'etc/passwd')
      writeFileSync(path, '')
      truncateSync(path, 64 * 2 ** 30)
      expect((await inHostileRoot(directory, root, 'id -u')).stdout).toBe('0\n')
      spawnSync('sh', ['-c', 'rm "$1"; mkfifo "$1"', 'x', path])
      expect((await inHostileRoot(directory, root, 'id -u')).stdout).toBe('0\n')
      spawnSync('sh', ['-c', 'rm "$1"; ln -s /etc/shadow "$1"', 'x', path])
      expect((await inHostileRoot(directory, root, 'id -u')).stdout).toBe('0\n')
      expect((await inHostileRoot(directory, root, 'id -u', ['--user', 'root'])).code).not.toBe(0)
    }))
})
