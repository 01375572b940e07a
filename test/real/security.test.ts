// Attacks on a container's start and on exec, each shown to fail: what is known of other runtimes, and what is ours to fear.

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { ociArchive } from '../fixtures/oci.ts'
import { tar } from '../fixtures/tar.ts'
import { type CliOptions, cli, launcher, stateOptions } from '../support/cli.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true, programs: ['python3'] })

const run = (directory: string, script: string, flags: readonly string[] = [], options: CliOptions = {}) =>
  cli(['run', '--rm', '--network=none', ...flags, '--rootfs', '/:O', 'sh', '-c', script], { directory, ...options })

/** A container of `sh -c SCRIPT` for the length of a test. */
async function withContainer(directory: string, script: string, flags: readonly string[], use: () => Promise<void>) {
  const started = await cli(
    ['run', '-d', '--name=target', '--network=none', ...flags, '--rootfs', '/:O', 'sh', '-c', script],
    { directory },
  )
  expect(started).toMatchObject({ stderr: '', code: 0 })
  try {
    await use()
  } finally {
    await cli(['rm', '-f', '-t', '0', 'target'], { directory })
  }
}

/** A root filesystem that an attacker made: the machine's /usr, and the links given. */
function hostileRoot(directory: string, links: Readonly<Record<string, string>>): string {
  const root = join(directory, 'rootfs')
  for (const name of ['usr', 'etc', 'tmp']) mkdirSync(join(root, name), { recursive: true })
  for (const name of ['bin', 'lib', 'lib64', 'sbin']) symlinkSync(`usr/${name}`, join(root, name))
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name))
  return root
}
const inHostileRoot = (directory: string, root: string, script: string, flags: readonly string[] = []) =>
  cli(['run', '--rm', '--network=none', '-v', '/usr:/usr:ro', ...flags, '--rootfs', root, 'sh', '-c', script], {
    directory,
  })

/** bash's own words only: another program would have descriptors of its own. */
const listDescriptors = 'cd /proc/$$/fd; all=; for n in *; do [ -e $n ] && all="$all $n"; done; echo $all'

const python = (program: string) => `python3 - <<'EOF'\n${program}\nEOF\n`

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
  const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

  it('an image whose program is /proc/self/exe gets a sealed copy of the monitor, and no way to write to it', () =>
    withTemporaryDirectory(async (directory) => {
      const before = hash(process.execPath)
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
      expect(hash(process.execPath)).toBe(before)
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
      const before = hash(process.execPath)
      await withContainer(directory, attack, [], async () => {
        for (let i = 0; i < 12; i++) await cli(['exec', 'target', '/usr/bin/env', 'true'], { directory })
        const seen = (await cli(['exec', 'target', 'cat', '/attack'], { directory })).stdout
        const lines = new Set(seen.split('\n').map((line) => line.split(' ').slice(0, 2).join(' ')))
        expect([...lines].filter((line) => line.startsWith('wrote /memfd') || line.includes('/node'))).toEqual([])
      })
      expect(hash(process.execPath)).toBe(before)
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
        const swapper = spawn(
          'python3',
          [
            '-c',
            [
              'import ctypes, os, sys',
              'libc = ctypes.CDLL(None)',
              'a, b = (os.path.join(sys.argv[1], n).encode() for n in "ab")',
              'while True: libc.renameat2(-100, a, -100, b, 2)', // RENAME_EXCHANGE
            ].join('\n'),
            root,
          ],
          { stdio: 'ignore' },
        )
        try {
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
        } finally {
          swapper.kill('SIGKILL')
        }
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

describe('rights', () => {
  const status = 'grep -E "^(Cap|NoNewPrivs|Seccomp:|Groups|SigIgn|SigBlk)" /proc/self/status'

  it('inheritable and ambient capabilities are empty, but for those added for a user other than root (CVE-2022-29162)', () =>
    withTemporaryDirectory(async (directory) => {
      const none = /^CapInh:\t0{16}$[\s\S]*^CapAmb:\t0{16}$/m
      for (const flags of [[], ['--cap-add=NET_ADMIN'], ['--user=1000:1000'], ['--privileged']])
        expect((await run(directory, status, flags)).stdout, flags.join()).toMatch(none)
      await withContainer(directory, 'sleep 600', [], async () => {
        for (const flags of [[], ['--user=1000'], ['--privileged']])
          expect((await cli(['exec', ...flags, 'target', 'sh', '-c', status], { directory })).stdout).toMatch(none)
      })
      const added = (await run(directory, status, ['--user=1000', '--cap-add=NET_ADMIN'])).stdout
      for (const set of ['Inh', 'Prm', 'Eff', 'Amb']) expect(added).toMatch(new RegExp(`^Cap${set}:\t0{12}1000$`, 'm'))
    }))

  it('a user other than root has no capability at all', () =>
    withTemporaryDirectory(async (directory) => {
      const { stdout } = await run(directory, status, ['--user=1000'])
      expect(stdout).toMatch(/^CapPrm:\t0{16}$/m)
      expect(stdout).toMatch(/^CapEff:\t0{16}$/m)
    }))

  it('groups, ignored signals and keys of the caller stay with the caller', () =>
    withTemporaryDirectory(async (directory) => {
      const key = 'import ctypes; print("session", ctypes.CDLL(None).syscall(250, 0, -3, 0))'
      const launch = [
        'import os, sys, signal, ctypes',
        'os.setgroups([4, 27, 999])',
        'for s in range(1, 32):',
        '  try: signal.signal(s, signal.SIG_IGN)',
        '  except (OSError, ValueError): pass',
        'signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1])',
        'print("session", ctypes.CDLL(None).syscall(250, 1, 0, 0), flush=True)',
        'os.execv(sys.argv[1], sys.argv[1:])',
      ].join('\n')
      const flags = ['--security-opt=seccomp=unconfined', '--rootfs', '/:O']
      const { stdout } = spawnSync(
        'python3',
        [
          ...[
            '-c',
            launch,
            process.execPath,
            launcher,
            ...stateOptions(directory),
            'run',
            '--rm',
            '--network=none',
            ...flags,
          ],
          ...['sh', '-c', `${status}; ${process.arch === 'x64' ? `python3 -c '${key}'` : ''}`],
        ],
        { encoding: 'utf8', timeout: 20_000 },
      )
      expect(stdout).toMatch(/^Groups:\s*$/m)
      expect(stdout).toMatch(/^SigIgn:\t0{16}$/m)
      expect(stdout).toMatch(/^SigBlk:\t0{16}$/m)
      const [ours, theirs] = [...stdout.matchAll(/^session (-?\d+)$/gm)].map((match) => match[1])
      if (ours !== '-1') expect(theirs).not.toBe(ours)
    }))

  it(
    'a container may neither trace an exec nor keep the container from being stopped by halting one',
    { timeout: 60_000 },
    () =>
      withTemporaryDirectory(async (directory) => {
        const attack = python(
          [
            'import os, signal, ctypes, time',
            'libc = ctypes.CDLL(None)',
            'out = open("/attack", "w", 1)',
            'known = set(os.listdir("/proc"))',
            'while True:',
            '  for pid in os.listdir("/proc"):',
            '    if pid in known or not pid.isdigit(): continue',
            '    known.add(pid)',
            '    if libc.ptrace(16, int(pid), 0, 0) == 0: out.write("traced\\n")',
            '    try:',
            '      if "memfd" in os.readlink(f"/proc/{pid}/exe"): os.listdir(f"/proc/{pid}/fd"); out.write("looked\\n")',
            '    except OSError: pass',
            '    try: os.kill(int(pid), signal.SIGSTOP)',
            '    except OSError: pass',
          ].join('\n'),
        )
        await withContainer(directory, attack, [], async () => {
          await sleep(500)
          const execs = Array.from({ length: 4 }, () =>
            cli(['exec', 'target', 'true'], { directory, timeoutMs: 4000 }).catch(() => undefined),
          )
          await sleep(1000)
          const stopped = await cli(['stop', '-t', '0', 'target'], { directory, timeoutMs: 15_000 })
          expect(stopped).toMatchObject({ code: 0 })
          await Promise.all(execs)
          const attacked = readFileSync(
            join(directory, 'root/containers', readdirSync(join(directory, 'root/containers'))[0]!, 'upper/attack'),
            'utf8',
          )
          expect(attacked).not.toContain('looked')
        })
      }),
  )
})

describe('what a container sees of the kernel', () => {
  it("its cgroups begin at its own, and cannot be written: no release_agent, no neighbour's limits", () =>
    withTemporaryDirectory(async (directory) => {
      const script =
        'cat /proc/self/cgroup /proc/1/cgroup; find /sys/fs/cgroup -maxdepth 2 -writable -type f -exec sh -c "echo 1 2>/dev/null >{} && echo wrote {}" \\; ; mkdir /sys/fs/cgroup/*/x 2>/dev/null && echo made'
      const { stdout } = await run(directory, script)
      expect(stdout.split('\n').filter((line) => line !== '' && !/^\d+:[^:]*:\/$/.test(line))).toEqual([])
      await withContainer(directory, 'sleep 600', [], async () => {
        const { stdout: inExec } = await cli(['exec', 'target', 'sh', '-c', script], { directory })
        expect(inExec.split('\n').filter((line) => line !== '' && !/^\d+:[^:]*:\/$/.test(line))).toEqual([])
      })
    }))

  it('kernel parameters, triggers and masked files cannot be written or read (CVE-2025-31133, CVE-2025-52881)', () =>
    withTemporaryDirectory(async (directory) => {
      const script = [
        'for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/kernel/hostname /proc/irq/default_smp_affinity /sys/kernel/uevent_helper; do',
        '  [ -e $f ] && (echo x >$f) 2>/dev/null && echo "wrote $f"; done',
        'for f in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug; do',
        '  [ -e $f ] && [ -n "$(head -c 1 $f 2>/dev/null | tr -d "\\0")" ] && echo "read $f"; done',
        'for d in /sys/firmware /proc/acpi /proc/scsi; do [ -d $d ] && [ -n "$(ls -A $d)" ] && echo "listed $d"; done',
        'umount /proc/keys 2>/dev/null && echo unmounted; mount -t proc proc /mnt 2>/dev/null && echo mounted',
        'mknod /tmp/sda b 8 0 2>/dev/null && head -c 1 /tmp/sda 2>/dev/null && echo "opened a disk"; true',
      ].join('\n')
      expect(await run(directory, script)).toMatchObject({ stdout: '', code: 0 })
      await withContainer(directory, 'sleep 600', [], async () => {
        expect((await cli(['exec', 'target', 'sh', '-c', script], { directory })).stdout).toBe('')
      })
    }))

  it("the image's own /dev is not used, and its devices neither", () =>
    withTemporaryDirectory(async (directory) => {
      const root = hostileRoot(directory, {})
      mkdirSync(join(root, 'dev'))
      writeFileSync(join(root, 'dev/null'), 'a file')
      writeFileSync(join(root, 'dev/evil'), '')
      const { stdout } = await inHostileRoot(
        directory,
        root,
        'stat -c "%F %t:%T" /dev/null; ls /dev/evil 2>&1; stat -c %F /proc/keys',
      )
      expect(stdout).toMatch(/^character special file 1:3\n.*No such file or directory\ncharacter special file\n$/)
    }))
})

describe('an image', () => {
  /** Imports an image of the machine's own shell with this config, and runs it. */
  async function runImage(directory: string, config: Record<string, unknown>, flags: readonly string[] = []) {
    mkdirSync(directory)
    const path = join(directory, 'image.tar')
    const layer = tar([{ path: 'etc/', type: 'directory' }])
    writeFileSync(path, ociArchive({ layers: [layer], config, tag: 'evil' }))
    const imported = await cli(['import', `oci-archive:${path}`], { directory })
    expect(imported, imported.stderr).toMatchObject({ code: 0 })
    const image = imported.stdout.trim().split('\n').at(-1)!
    const links = ['/bin', '/lib', '/lib64', '/usr'].flatMap((name) => ['-v', `${name}:${name}:ro`])
    return await cli(['run', '--rm', '--network=none', ...links, ...flags, image, 'sh', '-c', 'echo ran'], {
      directory,
    })
  }

  it('cannot replace /proc, /sys or /dev by a volume (CVE-2019-16884)', { timeout: 60_000 }, () =>
    withTemporaryDirectory(async (directory) => {
      for (const [i, path] of ['/proc', '/sys', '/dev', '/proc/self', '/a/../proc', '//dev/shm/'].entries()) {
        const { code, stderr, stdout } = await runImage(join(directory, String(i)), { Volumes: { [path]: {} } })
        expect({ path, code, stdout }, stderr).toEqual({ path, code: 125, stdout: '' })
        expect(stderr).toMatch(/^vitrine: the image has a volume on /)
      }
      const asked = await runImage(join(directory, 'asked'), { Volumes: { '/dev/shm': {} } }, ['--tmpfs', '/dev/shm'])
      expect(asked).toMatchObject({ stdout: 'ran\n', code: 0 })
    }),
  )

  it('that says too much is refused in a sentence, and nothing stays', { timeout: 60_000 }, () =>
    withTemporaryDirectory(async (directory) => {
      const long = Array.from({ length: 12 }, (_, i) => `V${i}=${'x'.repeat(100_000)}`)
      const volumes = Object.fromEntries(Array.from({ length: 8_000 }, (_, i) => [`/v/${i}`, {}]))
      const cases: readonly [Record<string, unknown>, RegExp][] = [
        [{ Env: [`PATH=${':'.repeat(100_000)}`] }, /^vitrine: .*PATH has 100001 directories/],
        [{ Env: ['A=\0B'] }, /^vitrine: .*NUL/],
        [{ Env: [...long, ...long.map((each) => `W${each}`)] }, /^vitrine: .*(E2BIG|too long)/],
        [{ Volumes: volumes }, /^vitrine: the image wants 8000 volumes/],
      ]
      for (const [i, [config, words]] of cases.entries()) {
        const own = join(directory, String(i))
        const { code, stderr } = await runImage(own, config)
        expect({ i, code }, stderr.slice(0, 500)).toEqual({ i, code: code === 126 ? 126 : 125 })
        expect(stderr).toMatch(words)
        expect(stderr.trim().split('\n').length).toBe(1)
        expect(readdirSync(join(own, 'root/containers'))).toEqual([])
      }
      expect(await runImage(join(directory, 'large'), { Env: long })).toMatchObject({ stdout: 'ran\n', code: 0 })
    }),
  )
})

describe('files of the runtime', () => {
  it(
    'ten containers may be started at once on a root filesystem that lacks all mount points',
    { timeout: 60_000 },
    () =>
      withTemporaryDirectory(async (directory) => {
        const root = hostileRoot(directory, {})
        const flags = ['--tmpfs', '/a/b/c', '-v', '/etc/hostname:/d/e/f']
        const all = await Promise.all(
          Array.from({ length: 10 }, () => inHostileRoot(directory, root, 'echo $$', flags)),
        )
        expect(all.map(({ stdout, stderr }) => stdout + stderr)).toEqual(Array(10).fill('1\n'))
      }),
  )

  it('other users reach nothing of a container, whatever the umask', () =>
    withTemporaryDirectory(async (directory) => {
      spawnSync('chmod', ['0755', directory])
      const launch = `umask 0; exec "$@"`
      const argv = ['run', '-d', '--name=target', '-e', 'SECRET=1', '--network=none', '--rootfs', '/:O', 'sleep', '600']
      spawnSync('sh', ['-c', launch, 'x', process.execPath, launcher, ...stateOptions(directory), ...argv])
      try {
        const reach = spawnSync(
          'python3',
          [
            '-c',
            [
              'import os, sys',
              'os.setgroups([]); os.setgid(65534); os.setuid(65534)',
              'for top, dirs, files in os.walk(sys.argv[1]):',
              '  for n in files: os.access(os.path.join(top, n), os.R_OK) and print("reads", os.path.join(top, n))',
              '  for n in dirs + files: os.access(os.path.join(top, n), os.W_OK) and print("writes", os.path.join(top, n))',
            ].join('\n'),
            directory,
          ],
          { encoding: 'utf8' },
        ).stdout
        expect(reach.split('\n').filter((line) => line.includes('/containers/') || line.startsWith('writes'))).toEqual(
          [],
        )
      } finally {
        await cli(['rm', '-f', '-t', '0', 'target'], { directory })
      }
    }))

  it('a strict umask of the caller does not lock a user out of the container', () =>
    withTemporaryDirectory(async (directory) => {
      const argv = [
        'run',
        '--rm',
        '--user=1000',
        '--network=none',
        '--rootfs',
        '/:O',
        'sh',
        '-c',
        'cat /etc/hostname >/dev/null && stat -c %a /; umask',
      ]
      const { stdout, stderr } = spawnSync(
        'sh',
        ['-c', 'umask 077; exec "$@"', 'x', process.execPath, launcher, ...stateOptions(directory), ...argv],
        { encoding: 'utf8' },
      )
      expect({ stdout, stderr }).toEqual({ stdout: '755\n0022\n', stderr: '' })
    }))

  it('/dev/shm of another container is taken without following links that it made', () =>
    withTemporaryDirectory(async (directory) => {
      await withContainer(directory, 'echo shared >/dev/shm/file; sleep 600', ['--ipc=shareable'], async () => {
        const join_ = () => run(directory, 'cat /dev/shm/file; ls /dev/shm', ['--ipc=container:target'])
        expect(await join_()).toMatchObject({ stdout: 'shared\nfile\n', code: 0 })
      })
      const root = hostileRoot(directory, { dev: 'd1' })
      mkdirSync(join(root, 'd1'))
      await cli(
        [
          'run',
          '-d',
          '--name=target',
          '--ipc=shareable',
          '--network=none',
          '-v',
          '/usr:/usr:ro',
          '--rootfs',
          root,
          'sh',
          '-c',
          'rm /dev; mkdir /dev; ln -s /etc /dev/shm; sleep 600',
        ],
        { directory },
      )
      await sleep(300)
      const { stdout } = await run(directory, 'ls /dev/shm', ['--ipc=container:target'])
      await cli(['rm', '-f', '-t', '0', 'target'], { directory })
      expect(stdout).not.toContain('passwd')
    }))
})
