// Attacks on a container's start, each shown to fail: rights, the kernel's files, images, the runtime's own files.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { ociArchive } from '../fixtures/oci.ts'
import { tar } from '../fixtures/tar.ts'
import { hostileRoot, inHostileRoot, python, run, withContainer } from '../support/attacks.ts'
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
    // What no program could be given is refused before it is an image.
    if (imported.code !== 0) return imported
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
        const made = join(own, 'root/containers')
        expect(existsSync(made) ? readdirSync(made) : []).toEqual([])
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
