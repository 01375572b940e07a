// execve and programs of the simulated kernel: what refuses, what is kept, what runs.

import { describe, expect, it } from 'vitest'
import type { Config } from '../../../sim/kernel.ts'
import type { Programs } from '../../../sim/program.ts'
import { runUntil } from '../../../sim/run.ts'
import { AT_FDCWD } from '../../../sim/vfs/walk.ts'
import { begin, boot, call, data, errno, value } from '../../support/sim.ts'
import {
  action,
  CLONE,
  child,
  clone,
  execve,
  exit,
  kill,
  mask,
  pid,
  SIG,
  sibling,
  waited,
  write,
} from '../../support/sim-processes.ts'
import { become } from '../../support/sim-tasks.ts'

const outside = '#!sim outside\n'
const open = (pathname: string, flags: number) =>
  ({ name: 'openat', dirfd: AT_FDCWD, pathname, flags, mode: 0o755 }) as const
const prctl = (option: number, arg2 = 0) => ({ name: 'prctl', option, arg2, arg3: 0, arg4: 0, arg5: 0 }) as const

function machine(config: Partial<Config> = {}) {
  const booted = boot(config)
  write(booted.init, '/bin/true', outside)
  return { ...booted, task: child(booted.init) }
}

describe('what refuses execve (CLN-107)', () => {
  it('ENOENT, ENOTDIR, ELOOP, EACCES for paths and files that cannot be run', () => {
    const { task } = machine()
    write(task, '/tmp/plain', outside, 0o644)
    value(task, { name: 'symlinkat', target: 'loop', newdirfd: AT_FDCWD, linkpath: '/tmp/loop' })
    const refused = ['', '/bin/none', '/bin/true/x', '/tmp/loop', '/tmp', '/tmp/plain'].map((path) =>
      errno(call(task, execve(path))),
    )
    expect(refused).toEqual(['ENOENT', 'ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EACCES'])
  })

  it('ENOEXEC for what is no program; ENOENT for a script whose interpreter is not there', () => {
    const { task } = machine()
    write(task, '/tmp/data', 'echo hello\n')
    write(task, '/tmp/script', '#!/bin/none -x\n')
    write(task, '/tmp/empty', '#!\n')
    write(task, '/tmp/unknown', '#!sim nobody-has-it\n')
    const refused = ['/tmp/data', '/tmp/script', '/tmp/empty', '/tmp/unknown'].map((path) =>
      errno(call(task, execve(path))),
    )
    expect(refused).toEqual(['ENOEXEC', 'ENOENT', 'ENOEXEC', 'ENOEXEC'])
  })

  it('ETXTBSY for a file that is open for writing, and for writing to one that runs', () => {
    const { init, task } = machine()
    const fd = value(init, open('/bin/true', 1))
    expect(errno(call(task, execve('/bin/true')))).toBe('ETXTBSY')
    value(init, { name: 'close', fd })
    value(task, execve('/bin/true'))
    expect(errno(call(init, open('/bin/true', 1)))).toBe('ETXTBSY')
    exit(task)
    expect(errno(call(init, open('/bin/true', 1)))).toBeUndefined()
  })

  it('E2BIG for arguments that are too long, found after the file and before what is in it', () => {
    const { task } = machine()
    write(task, '/tmp/script', '#!/bin/none\n')
    const long = ['x'.repeat(140_000)]
    expect(['/tmp/script', '/tmp/none'].map((path) => errno(call(task, execve(path, long))))).toEqual([
      'E2BIG',
      'ENOENT',
    ])
    expect(errno(call(task, execve('/bin/true', ['x'.repeat(131_072)])))).toBe('E2BIG')
    expect(errno(call(task, execve('/bin/true', new Array(30).fill('x'.repeat(100_000)))))).toBe('E2BIG')
    expect(errno(call(task, execve('/bin/true', ['x'.repeat(131_071)])))).toBeUndefined()
  })

  it('ELOOP for scripts of scripts', () => {
    const { task } = machine()
    write(task, '/tmp/s0', '#!/bin/true\n')
    for (let at = 1; at < 7; at++) write(task, `/tmp/s${at}`, `#!/tmp/s${at - 1}\n`)
    expect(errno(call(task, execve('/tmp/s5')))).toBe('ELOOP')
    expect(errno(call(child(task), execve('/tmp/s4')))).toBeUndefined()
  })

  it('ENOENT for a script behind a descriptor that is closed; others run from theirs', () => {
    const { task } = machine()
    write(task, '/tmp/script', '#!/bin/true\n')
    const at = (dirfd: number) =>
      errno(call(task, { name: 'execveat', dirfd, pathname: '', argv: ['x'], envp: [], flags: 0x1000 }))
    expect(at(value(task, open('/tmp/script', 0o2000000)))).toBe('ENOENT')
    expect(at(value(task, open('/bin/true', 0o2000000)))).toBeUndefined()
  })

  it('a call that fails has changed nothing', () => {
    const { task } = machine()
    value(task, action(SIG.USR1, 2))
    call(task, execve('/bin/none'))
    expect(task.process.actions.get(SIG.USR1).disposition).toBe('handler')
    expect(task.process.hasExecuted).toBe(false)
  })
})

describe('what execve keeps (CLN-106)', () => {
  it('number, mask, ignored and pending signals; not handlers, nor descriptors with FD_CLOEXEC', () => {
    const { init, task } = machine()
    value(task, action(SIG.USR1, 2))
    value(task, action(SIG.USR2, 1))
    value(task, mask(0, SIG.HUP))
    value(init, kill(2, SIG.HUP))
    const fd = value(task, open('/tmp', 0o2000000))
    value(task, execve('/bin/true', ['a', 'b']))
    const { actions, pending, image } = task.process
    expect(pid(task)).toBe(2)
    expect([actions.get(SIG.USR1).disposition, actions.get(SIG.USR2).disposition]).toEqual(['default', 'ignore'])
    expect([task.signalMask, pending.length]).toEqual([1n, 1])
    expect(errno(call(task, { name: 'close', fd }))).toBe('EBADF')
    expect([task.comm, image.argv]).toEqual(['true', ['a', 'b']])
  })

  it('a shared table of descriptors is its own from then on, and vfork goes on', () => {
    const { init, kernel } = machine()
    const parent = child(init)
    begin(parent, clone(CLONE.VFORK + CLONE.VM + CLONE.FILES))
    const born = kernel.lastBorn!
    value(born, execve('/bin/true'))
    expect(kernel.finish(parent)).toEqual({ value: pid(born) })
    value(born, { name: 'close', fd: 0 })
    expect(errno(call(parent, { name: 'fcntl', fd: 0, cmd: 1, arg: 0 }))).toBeUndefined()
  })

  it('CLN-058: other threads end, and the one that remains has the number of the leader', () => {
    const { init, kernel, task } = machine()
    const thread = sibling(task)
    sibling(task)
    value(thread, execve('/bin/true'))
    expect([pid(thread), value(thread, { name: 'gettid' }), kernel.tasks.size]).toEqual([2, 2, 2])
    expect([task.state, init.pidNamespace.entries.size]).toEqual(['dead', 2])
    exit(thread, 7)
    expect(waited(init)).toBe('2 exit 7')
  })

  it('CLN-018: a child of an earlier program ends with SIGCHLD', () => {
    const { task } = machine()
    const born = child(task, 0, { exit_signal: SIG.USR1 })
    value(task, execve('/bin/true'))
    value(task, action(SIG.CHLD, 2))
    exit(born)
    expect(task.handled).toEqual([SIG.CHLD])
  })

  it('setpgid by the parent comes too late', () => {
    const { init, task } = machine()
    value(task, execve('/bin/true'))
    expect(errno(call(init, { name: 'setpgid', pid: 2, pgid: 2 }))).toBe('EACCES')
  })

  it('PID-026, USR-025: a setuid program runs as its owner, without PDEATHSIG and a dump; no_new_privs drops that', () => {
    const { init, task } = machine()
    value(init, { name: 'fchmodat', dirfd: AT_FDCWD, pathname: '/bin/true', mode: 0o4755 })
    const careful = child(init)
    for (const user of [task, careful]) {
      become(user, { uid: 1000 })
      value(user, prctl(1, SIG.TERM))
    }
    value(careful, prctl(38, 1))
    value(task, execve('/bin/true'))
    value(careful, execve('/bin/true'))
    expect([task, careful].map(({ credentials }) => credentials.euid)).toEqual([0, 1000])
    expect([task, careful].map((user) => data(user, prctl(2))[0])).toEqual([0, SIG.TERM])
    expect([task, careful].map((user) => value(user, prctl(3)))).toEqual([0, 1])
  })
})

describe('programs', () => {
  const programs: Programs = {
    *hello(argv) {
      yield { name: 'write', fd: 1, buf: `hello ${argv.join(' ')}\n` }
      return 3
    },
    *parent() {
      const born = yield { name: 'fork', child: () => sleeper() }
      const ended = yield { name: 'wait4', pid: -1, wstatus: 4, options: 0, rusage: 0 }
      return 'value' in born && 'value' in ended && born.value === ended.value ? 42 : 1
    },
    *runner() {
      yield { name: 'execve', pathname: '/bin/hello', argv: ['again'], envp: [] }
      return 1
    },
  }
  function* sleeper() {
    yield { name: 'nanosleep', req: 5_000_000_000n, rem: 16 } as const
    return 0
  }
  function furnished(seed = 1) {
    const machine = boot({ programs, seed })
    for (const name of Object.keys(programs)) write(machine.init, `/bin/${name}`, `#!sim ${name}\n`)
    return machine
  }
  const output = ({ kernel }: ReturnType<typeof boot>) =>
    kernel.console.output.map((bytes) => new TextDecoder().decode(bytes)).join('')

  it('run, print and end; scripts give them their arguments', () => {
    const machine = furnished()
    const { init, kernel } = machine
    write(init, '/tmp/script', '#!/bin/hello  -v two words \nrest')
    const task = child(init)
    value(task, execve('/tmp/script', ['script', 'arg']))
    expect(runUntil(kernel, () => !task.alive)).toBe(true)
    expect(output(machine)).toBe('hello /bin/hello -v two words /tmp/script arg\n')
    expect(waited(init)).toBe('2 exit 3')
  })

  it('fork, wait and sleep in virtual time', () => {
    const { init, kernel } = furnished()
    const task = child(init)
    value(task, execve('/bin/parent'))
    expect(runUntil(kernel, () => !task.alive)).toBe(true)
    expect([waited(init), kernel.clock.nowNs]).toEqual(['2 exit 42', 5e9])
  })

  it('are replaced by execve', () => {
    const machine = furnished()
    const task = child(machine.init)
    value(task, execve('/bin/runner'))
    expect(runUntil(machine.kernel, () => !task.alive)).toBe(true)
    expect(output(machine)).toBe('hello again\n')
  })

  it('end in time, or when nothing can happen any more', () => {
    const { init, kernel } = furnished()
    value(child(init), execve('/bin/parent'))
    expect(runUntil(kernel, () => false, 1e9)).toBe(false)
    expect(kernel.clock.nowNs).toBe(1e9)
    expect(runUntil(kernel, () => false)).toBe(false)
  })

  it('run alike for the same seed', () => {
    const trace = (seed: number) => {
      const machine = furnished(seed)
      const tasks = ['a', 'b', 'c', 'd'].map((name) => {
        const task = child(machine.init)
        value(task, execve('/bin/hello', [name]))
        return task
      })
      runUntil(machine.kernel, () => tasks.every(({ alive }) => !alive))
      return output(machine)
    }
    expect(trace(5)).toBe(trace(5))
    expect(new Set([1, 2, 3, 4, 5, 6].map(trace)).size).toBeGreaterThan(1)
  })
})
