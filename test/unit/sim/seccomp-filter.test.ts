// Filters of system calls in the simulated kernel: who may install them, and what they answer.

import { describe, expect, it } from 'vitest'
import type { Syscall } from '../../../core/syscall.ts'
import { callNumber } from '../../../sim/seccomp.ts'
import { boot, call, errno, value } from '../../support/sim.ts'
import { action, child, exit, pid, waited } from '../../support/sim-processes.ts'
import { become } from '../../support/sim-tasks.ts'

const RET = { kill: 0x80000000, killThread: 0, trap: 0x30000, errno: 0x50000, log: 0x7ffc0000, allow: 0x7fff0000 }

function program(...instructions: readonly (readonly [number, number, number, number])[]): Uint8Array {
  const bytes = new Uint8Array(8 * instructions.length)
  const view = new DataView(bytes.buffer)
  for (const [at, [code, jt, jf, k]] of instructions.entries()) {
    view.setUint16(8 * at, code, true)
    view.setUint8(8 * at + 2, jt)
    view.setUint8(8 * at + 3, jf)
    view.setUint32(8 * at + 4, k, true)
  }
  return bytes
}

/** Answers one call with something, all others with ALLOW. */
const on = (name: Syscall['name'], answer: number): Uint8Array =>
  program([0x20, 0, 0, 0], [0x15, 0, 1, callNumber(name)], [0x06, 0, 0, answer], [0x06, 0, 0, RET.allow])

const install = (args: Uint8Array, flags = 0): Syscall => ({ name: 'seccomp', operation: 1, flags, args })
const noNewPrivileges: Syscall = { name: 'prctl', option: 38, arg2: 1, arg3: 0, arg4: 0, arg5: 0 }
const getppid: Syscall = { name: 'getppid' }

describe('seccomp', () => {
  it('USR-108: needs no_new_privs or CAP_SYS_ADMIN', () => {
    const task = child(boot().init)
    become(task, { uid: 1000 })
    expect(errno(call(task, install(on('getppid', RET.errno + 1))))).toBe('EACCES')
    value(task, noNewPrivileges)
    value(task, install(on('getppid', RET.errno + 1)))
    expect(errno(call(task, getppid))).toBe('EPERM')
    expect(pid(task)).toBe(2)
  })

  it('refuses programs that the kernel would not take', () => {
    const { init } = boot()
    const wrong = [
      program(),
      program([0x20, 0, 0, 0]),
      program([0x20, 0, 0, 2], [0x06, 0, 0, 0]),
      program([0x20, 0, 0, 64], [0x06, 0, 0, 0]),
      program([0x15, 9, 0, 0], [0x06, 0, 0, 0]),
      program([0xff, 0, 0, 0], [0x06, 0, 0, 0]),
    ]
    for (const bytes of wrong) expect(errno(call(init, install(bytes)))).toBe('EINVAL')
    expect(errno(call(init, install(on('getppid', RET.allow), 0x100)))).toBe('EINVAL')
  })

  it('the strictest of several filters holds, and children have them', () => {
    const task = child(boot().init)
    value(task, install(on('getppid', RET.errno + 13)))
    value(task, install(on('getppid', RET.log)))
    expect(errno(call(child(task), getppid))).toBe('EACCES')
    value(task, install(on('getppid', RET.kill)))
    call(task, getppid)
    expect(task.state).toBe('zombie')
  })

  it('sees the arguments of a call', () => {
    const task = child(boot().init)
    // getpgid(7) alone is refused.
    value(
      task,
      install(
        program(
          [0x20, 0, 0, 0],
          [0x15, 0, 3, callNumber('getpgid')],
          [0x20, 0, 0, 16],
          [0x15, 0, 1, 7],
          [0x06, 0, 0, RET.errno + 28],
          [0x06, 0, 0, RET.allow],
        ),
      ),
    )
    expect(errno(call(task, { name: 'getpgid', pid: 7 }))).toBe('ENOSPC')
    expect(errno(call(task, { name: 'getpgid', pid: 0 }))).toBeUndefined()
  })

  it('kills and traps with SIGSYS; a trap can be handled', () => {
    const { init } = boot()
    for (const answer of [RET.kill, RET.killThread, RET.trap]) {
      const task = child(init)
      value(task, install(on('getppid', answer)))
      call(task, getppid)
      expect(waited(init)).toMatch(/signal 31$/)
    }
    const task = child(init)
    value(task, action(31, 2))
    value(task, install(on('getppid', RET.trap)))
    call(task, getppid)
    expect(task.handled).toEqual([31])
  })

  it('PID-008: a filter kills process 1 of a namespace, too', () => {
    const { init } = boot()
    const first = child(init, 0x20000000)
    value(first, install(on('getppid', RET.kill)))
    call(first, getppid)
    expect(waited(init)).toBe('2 signal 31')
  })

  it('the strict mode lets read, write and exit pass', () => {
    const { init, kernel } = boot()
    const task = child(init)
    value(task, { name: 'prctl', option: 22, arg2: 1, arg3: 0, arg4: 0, arg5: 0 })
    expect(errno(call(task, { name: 'write', fd: 1, buf: 'x' }))).toBeUndefined()
    kernel.call(task, getppid)
    expect(waited(init)).toBe('2 signal 9')
    const other = child(init)
    exit(other)
  })
})
