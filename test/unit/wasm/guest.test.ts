// Programs in C as processes of the simulated machine.

import { beforeAll, describe, expect, it } from 'vitest'
import type { Program } from '../../../sim/program.ts'
import { builtGuest, guestMachine } from '../../support/guests.ts'

describe('a guest', () => {
  let program: Program
  beforeAll(async () => {
    program = await builtGuest('box')
  })
  const machine = () => guestMachine(program, ['echo', 'cat', 'seq', 'sleep', 'false'])

  it('gets its arguments, and writes', () => {
    expect(machine().run(['echo', 'a', 'b  c'])).toEqual({ output: 'a b  c\n', code: 0, signal: 0 })
  })

  it('reads files of the machine, and says what is not there', () => {
    const { output, code } = machine().run(['cat', '/proc/sys/kernel/ostype', '/nowhere'])
    expect(output).toBe('Linux\ncat: /nowhere: No such file or directory\n')
    expect(code).toBe(1)
  })

  it('sleeps in virtual time', () => {
    const { kernel, run } = machine()
    const before = kernel.clock.nowNs
    run(['sleep', '3600'])
    expect(kernel.clock.nowNs - before).toBeGreaterThanOrEqual(3600e9)
  })

  it('prints numbers as printf(3) does', () => {
    expect(machine().run(['seq', '1', '0.25', '2']).output).toBe('1.00\n1.25\n1.50\n1.75\n2.00\n')
  })

  it('computes, which takes its time of a processor', () => {
    const { kernel, run } = machine()
    run(['seq', '20000'])
    expect(kernel.clock.nowNs).toBeGreaterThan(1e6)
  })
})
