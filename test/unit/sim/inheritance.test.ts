// What children of the simulated kernel share with their parent, inherit or start without.

import { describe, expect, it } from 'vitest'
import { AT_FDCWD } from '../../../sim/vfs/walk.ts'
import { boot, call, data, errno, value } from '../../support/sim.ts'
import { action, CLONE, child, exit, kill, mask, pid, SIG, waited } from '../../support/sim-processes.ts'

const CHILD_SUBREAPER = { set: 36, get: 37 }
const prctl = (option: number, arg2 = 0) => ({ name: 'prctl', option, arg2, arg3: 0, arg4: 0, arg5: 0 }) as const
const umask = (bits: number) => ({ name: 'umask', mask: bits }) as const

describe('sharing', () => {
  it('CLN-053: CLONE_FILES shares the table; a copy shares the descriptions', () => {
    const { init } = boot()
    const fd = value(init, { name: 'openat', dirfd: AT_FDCWD, pathname: '/tmp/f', flags: 0o102, mode: 0o644 })
    const copy = child(init)
    const shares = child(init, CLONE.FILES)
    value(copy, { name: 'write', fd, buf: 'abc' })
    expect(value(init, { name: 'lseek', fd, offset: 0, whence: 1 })).toBe(3)
    value(copy, { name: 'close', fd })
    expect(errno(call(init, { name: 'lseek', fd, offset: 0, whence: 1 }))).toBeUndefined()
    value(shares, { name: 'close', fd })
    expect(errno(call(init, { name: 'lseek', fd, offset: 0, whence: 1 }))).toBe('EBADF')
  })

  it('CLN-054: CLONE_FS shares working directory and umask', () => {
    const { init } = boot()
    const shares = child(init, CLONE.FS)
    const copy = child(init)
    value(shares, { name: 'chdir', path: '/tmp' })
    value(shares, umask(0o77))
    expect(value(init, umask(0o22))).toBe(0o77)
    expect(value(copy, umask(0))).toBe(0o22)
    expect(new TextDecoder().decode(data(init, { name: 'getcwd', buf: 64 }))).toMatch(/^\/tmp/)
  })
})

describe('inheriting', () => {
  it('CLN-104: a child has the mask, dispositions, limits, umask, no_new_privs, group and session of its parent', () => {
    const { init } = boot()
    const parent = child(init)
    value(parent, mask(2, SIG.USR1))
    value(parent, action(SIG.USR2, 1))
    value(parent, umask(0o37))
    value(parent, { name: 'setrlimit', resource: 7, rlim: { soft: 99n, hard: 100n } })
    value(parent, prctl(38, 1))
    value(parent, { name: 'setsid' })
    const born = child(parent)
    expect(born.signalMask).toBe(1n << 9n)
    expect(born.process.actions.get(SIG.USR2).disposition).toBe('ignore')
    expect(value(born, umask(0))).toBe(0o37)
    expect(
      new DataView(data(born, { name: 'getrlimit', resource: 7, rlim: 16 }).slice().buffer).getUint32(0, true),
    ).toBe(99)
    expect(value(born, prctl(39))).toBe(1)
    expect(value(born, { name: 'getpgrp' })).toBe(pid(parent))
    expect(value(born, { name: 'getsid', pid: 0 })).toBe(pid(parent))
  })

  it('CLN-105: a child has no pending signals, timers, PDEATHSIG, subreaper mark or children', () => {
    const { init, kernel } = boot()
    const parent = child(init)
    value(parent, mask(0, SIG.USR1))
    value(parent, kill(pid(parent), SIG.USR1))
    value(parent, prctl(1, SIG.TERM))
    value(parent, prctl(CHILD_SUBREAPER.set, 1))
    value(parent, { name: 'alarm', seconds: 5 })
    child(parent)
    const born = child(parent)
    expect([...data(born, { name: 'rt_sigpending', set: 8 })].every((byte) => byte === 0)).toBe(true)
    expect(data(born, prctl(CHILD_SUBREAPER.get))[0]).toBe(0)
    expect(data(born, prctl(2))[0]).toBe(0)
    expect(value(born, { name: 'alarm', seconds: 0 })).toBe(0)
    expect(waited(born)).toBe('ECHILD')
    exit(parent)
    expect(born.alive).toBe(true)
    expect(kernel.tasks.has(born.id)).toBe(true)
  })

  it('CLN-017: a child with another exit signal is waited for with __WCLONE or __WALL', () => {
    const { init } = boot()
    for (const exit_signal of [0, SIG.USR1]) {
      const born = child(init, 0, { exit_signal })
      const number = pid(born)
      exit(born, 1)
      expect(waited(init)).toBe('ECHILD')
      expect(waited(init, -1, 0x80000000)).toBe(`${number} exit 1`)
    }
    exit(child(init, 0, { exit_signal: 0 }))
    expect(waited(init, -1, 0x40000000)).toBe('4 exit 0')
  })

  it('CLN-018: the parent gets the exit signal, and SIGCHLD for a child that it has taken over', () => {
    const { init } = boot()
    value(init, action(SIG.USR1, 2))
    value(init, action(SIG.CHLD, 2))
    exit(child(init, 0, { exit_signal: SIG.USR1 }))
    expect(init.handled).toEqual([SIG.USR1])
    const parent = child(init)
    const orphan = child(parent, 0, { exit_signal: SIG.USR1 })
    exit(parent)
    exit(orphan)
    expect(init.handled).toEqual([SIG.USR1, SIG.CHLD, SIG.CHLD])
  })
})
