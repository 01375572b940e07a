// Known attacks on OCI runtimes, each shown to fail against vitrine-oci: the runtime's program, descriptors, rights, a false /proc.

import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import type { Mount, Spec } from '../../core/spec/types.ts'
import { hashOf } from '../support/attacks.ts'
import { needsOci, openRuntime } from '../support/bundle.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless(needsOci('python3'))

const waits = ['sh', '-c', 'while :; do sleep 0.1; done']

/** What python3 needs of the host, for a container that attacks. */
const withPython = (spec: Spec): Spec => ({
  ...spec,
  mounts: [
    ...spec.mounts!,
    ...['/usr', '/lib', '/lib64'].map(
      (path): Mount => ({ destination: path, type: 'bind', source: path, options: ['rbind', 'ro'] }),
    ),
  ],
})

describe("the runtime's own program (CVE-2019-5736)", () => {
  const runtime = openRuntime()
  const { run, ok, bundle } = runtime

  it('is not what /proc/self/exe means for a program of the image', async () => {
    const before = hashOf(process.execPath)
    symlinkSync('/proc/self/exe', join(runtime.rootfs, 'entry'))
    writeFileSync(join(runtime.rootfs, 'script'), '#!/proc/self/exe\n')
    chmodSync(join(runtime.rootfs, 'script'), 0o755)
    for (const program of ['/proc/self/exe', '/entry', '/script']) {
      const path = bundle({ args: [program, '-e', 'console.log("node")'] })
      expect(await run(['run', '-b', path, 'web']), program).toMatchObject({ stdout: '' })
    }
    expect(hashOf(process.execPath)).toBe(before)
  })

  it('cannot be held by a container that watches /proc, nor written to when the runtime has gone', async () => {
    const before = hashOf(process.execPath)
    const attack = [
      'import os, time',
      'seen = open("/seen", "w", 1)',
      'held = {}',
      'end = time.time() + 60',
      'while time.time() < end:',
      '  for pid in os.listdir("/proc"):',
      '    if not pid.isdigit() or int(pid) == os.getpid(): continue',
      '    try: fd = os.open(f"/proc/{pid}/exe", os.O_PATH); link = os.readlink(f"/proc/self/fd/{fd}")',
      '    except OSError: continue',
      '    if link in held: os.close(fd)',
      '    else: held[link] = fd; seen.write(f"held {link}\\n")',
      // The image's own programs may be written to, and are needed.
      '  for link, fd in held.items():',
      '    if "busybox" in link: continue',
      '    try: os.write(os.open(f"/proc/self/fd/{fd}", os.O_WRONLY), b"#!"); seen.write(f"wrote {link}\\n")',
      '    except OSError as e: pass',
    ]
    await ok(['run', '-d', '-b', bundle({ args: ['/usr/bin/python3', '-c', attack.join('\n')] }, withPython), 'web'])
    for (let i = 0; i < 10; i++) await run(['exec', 'web', i % 2 ? '/bin/true' : '/script'])
    await ok(['delete', '-f', 'web'])
    const lines = readFileSync(join(runtime.rootfs, 'seen'), 'utf8').trim().split('\n')
    expect(lines.some((line) => line.startsWith('held '))).toBe(true)
    expect(lines.filter((line) => line.startsWith('wrote') || /node|vitrine-oci/.test(line))).toEqual([])
    expect(hashOf(process.execPath)).toBe(before)
  })
})

describe('descriptors and rights', () => {
  const runtime = openRuntime()
  const { run, ok, bundle } = runtime

  it('a working directory below /proc/PID/fd leads to no descriptor of the runtime (CVE-2024-21626)', async () => {
    symlinkSync('/proc/self/fd/7', join(runtime.rootfs, 'seven'))
    const numbers = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1000, 1001, 1003]
    const paths = [
      ...numbers.map((fd) => `/proc/self/fd/${fd}`),
      '/proc/1/cwd',
      '/proc/self/root',
      '/seven',
      '/seven/..',
    ]
    for (const cwd of paths) {
      const { code, stdout } = await run(['run', '-b', bundle({ args: ['ls', '-a'], cwd }), 'web'])
      expect({ cwd, code, stdout }).toEqual({ cwd, code: 1, stdout: '' })
    }
    await ok(['run', '-d', '-b', bundle({ args: waits }), 'web'])
    for (const cwd of paths) {
      const { code, stdout } = await run(['exec', '--cwd', cwd, 'web', 'ls', '-a'])
      expect({ cwd, code, stdout }).toEqual({ cwd, code: 1, stdout: '' })
    }
    await ok(['delete', '-f', 'web'])
  })

  it('of an exec that comes in, the container finds nothing but its streams', async () => {
    const attack = [
      'import os, time',
      'seen = open("/seen", "w", 1)',
      'end = time.time() + 60',
      'while time.time() < end:',
      '  for pid in os.listdir("/proc"):',
      '    if not pid.isdigit() or int(pid) == os.getpid(): continue',
      '    try:',
      '      if os.readlink(f"/proc/{pid}/root") != "/": seen.write("root elsewhere\\n")',
      '      seen.write("looked\\n")',
      '      for fd in os.listdir(f"/proc/{pid}/fd"):',
      '        link = os.readlink(f"/proc/{pid}/fd/{fd}")',
      '        if int(fd) > 2: seen.write(f"{fd} {link}\\n")',
      '    except OSError: pass',
    ]
    await ok(['run', '-d', '-b', bundle({ args: ['/usr/bin/python3', '-c', attack.join('\n')] }, withPython), 'web'])
    for (let i = 0; i < 10; i++) await ok(['exec', 'web', 'sleep', '0.02'])
    await ok(['delete', '-f', 'web'])
    const lines = new Set(readFileSync(join(runtime.rootfs, 'seen'), 'utf8').trim().split('\n'))
    // What a program's own loader opens, and the pipes by which the runtime learns why a program cannot be executed.
    const harmless = /^\d+ \/(lib|usr\/lib|etc\/ld\.so)|^100\d (pipe|anon_inode|socket|\/memfd):/
    expect([...lines].filter((line) => !harmless.test(line))).toEqual(['looked'])
  })

  it('exec gives the capabilities of --cap, and never as inheritable ones (CVE-2022-29162)', async () => {
    await ok(['run', '-d', '-b', bundle({ args: waits }), 'web'])
    const sets = async (...flags: string[]) =>
      Object.fromEntries(
        (await ok(['exec', ...flags, 'web', 'grep', '^Cap', '/proc/self/status']))
          .split('\n')
          .map((line) => line.split(/:\s+/)),
      )
    const usual = '0000000020000420'
    const none = '0000000000000000'
    expect(await sets()).toEqual({ CapInh: none, CapPrm: usual, CapEff: usual, CapBnd: usual, CapAmb: none })
    const more = '0000000020001420'
    const changed = { CapInh: none, CapPrm: more, CapEff: more, CapBnd: more, CapAmb: none }
    expect(await sets('--cap', 'CAP_NET_ADMIN')).toEqual(changed)
    await ok(['delete', '-f', 'web'])
  })
})

describe('a /proc that is none', () => {
  const runtime = openRuntime()
  const { run, ok, bundle } = runtime
  const sysctl = 'net.ipv4.ip_unprivileged_port_start'

  /** A volume that looks like /proc, and whose files lead to what an attacker wants written. */
  function falseProc(name: string): string {
    const directory = join(runtime.directory, name)
    const files = [
      'self/attr/exec',
      'self/attr/apparmor/exec',
      'self/oom_score_adj',
      `sys/${sysctl.replaceAll('.', '/')}`,
    ]
    for (const file of files) {
      mkdirSync(dirname(join(directory, file)), { recursive: true })
      symlinkSync('/victim', join(directory, file))
    }
    symlinkSync('self', join(directory, 'thread-self'))
    return directory
  }
  const victim = () => readFileSync(join(runtime.rootfs, 'victim'), 'utf8')
  const over = (source: string, process: Partial<Spec['process']> = {}) => {
    writeFileSync(join(runtime.rootfs, 'victim'), 'untouched')
    const script = `cat /real/self/oom_score_adj /real/sys/${sysctl.replaceAll('.', '/')}; [ "$1" ] || sleep 1000`
    return bundle({ args: ['sh', '-c', script, 'sh', 'ends'], oomScoreAdj: 700, ...process }, (spec) => ({
      ...spec,
      mounts: [
        ...spec.mounts!,
        { destination: '/proc', type: 'bind', source, options: ['rbind'] },
        { destination: '/real', type: 'proc', source: 'proc' },
      ],
      linux: { ...spec.linux, sysctl: { [sysctl]: '81' } },
    }))
  }

  it('gets nothing that is written for the kernel (CVE-2019-16884, CVE-2025-52881)', async () => {
    const source = falseProc('false')
    expect(await ok(['run', '-b', over(source), 'web'])).toBe('700\n81')
    expect(victim()).toBe('untouched')
    await ok(['run', '-d', '-b', over(source, { args: waits }), 'web'])
    const file = join(runtime.directory, 'process.json')
    const args = ['cat', '/real/self/oom_score_adj']
    writeFileSync(
      file,
      JSON.stringify({ user: { uid: 0, gid: 0 }, args, cwd: '/', env: ['PATH=/bin'], oomScoreAdj: 701 }),
    )
    expect(await ok(['exec', '--process', file, 'web'])).toBe('701')
    await ok(['delete', '-f', 'web'])
    expect(victim()).toBe('untouched')
  })

  it('does not stand in for AppArmor: where the kernel has none, nothing runs unconfined (CVE-2019-16884)', async () => {
    const source = falseProc('unconfined')
    const confined = await run(['run', '-b', over(source, { apparmorProfile: 'strict' }), 'web'])
    expect(confined).toMatchObject({ code: 1, stdout: '' })
    expect(confined.stderr).toMatch(/AppArmor/)
    await ok(['run', '-d', '-b', over(source, { args: waits }), 'web'])
    const executed = await run(['exec', '--apparmor', 'strict', 'web', 'true'])
    expect(executed.code).toBe(1)
    expect(executed.stderr).toMatch(/AppArmor/)
    await ok(['delete', '-f', 'web'])
    expect(victim()).toBe('untouched')
  })

  it('is not mounted through a link of the image, so that masks cover what they name (CVE-2019-19921, CVE-2023-27561)', async () => {
    for (const [name, target] of [
      ['proc', 'tmp'],
      ['proc', '/tmp'],
      ['proc', '.'],
      ['sys', '/proc'],
    ] as const) {
      const root = join(runtime.directory, `root-${name}${target.length}`)
      cpSync(runtime.rootfs, root, { recursive: true, verbatimSymlinks: true })
      rmSync(join(root, name), { recursive: true })
      symlinkSync(target, join(root, name))
      const path = bundle({ args: ['cat', '/proc/keys'] }, (spec) => ({ ...spec, root: { path: root } }))
      const { code, stdout, stderr } = await run(['run', '-b', path, 'web'])
      expect({ name, target, code, stdout }).toEqual({ name, target, code: 1, stdout: '' })
      expect(stderr).toMatch(/ELOOP/)
    }
  })
})
