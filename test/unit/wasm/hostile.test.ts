// Whatever a guest passes to the calls of the contract, the machine answers: it never throws.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Caller, flatTypes, guestImport } from '../../../backends/sim/wasm/calls.ts'
import { guestCalls, packageName, witName } from '../../../backends/sim/wasm/contract.ts'
import { newStandard } from '../../../backends/sim/wasm/wasi/resources.ts'
import { bootKernel } from '../../../sim/boot.ts'
import type { Outcome } from '../../../sim/outcome.ts'
import type { Task } from '../../../sim/task.ts'

const memoryBytes = 1 << 17
/** The answer is written here. */
const place = memoryBytes - 64

/** Values as guests pass them: small ones, addresses, lengths, and those at the edges of what numbers hold. */
const numbers = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -3, max: 20 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: memoryBytes }) },
  { weight: 2, arbitrary: fc.constantFrom(0x7fffffff, -0x80000000, 0x10000, 0x1000, 0x80000, 0xffff, -100, 1 << 30) },
  { weight: 1, arbitrary: fc.integer() },
)
const wides = fc.oneof(
  { weight: 3, arbitrary: numbers.map(BigInt) },
  { weight: 1, arbitrary: fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n) - 1n, 2n ** 32n) },
  { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
)
const step = fc.constantFrom(...guestCalls.filter(({ name }) => name !== 'reboot')).chain((call) => {
  const place = `${packageName}/${call.interface}`
  const types = flatTypes(place, witName(call.name))!.slice(0, -1)
  return fc.record({
    call: fc.constant(call),
    flat: fc.tuple(...types.map((type) => (type === 'i64' ? wides : numbers))),
  })
})

/** Texts, lists of addresses and zeros, so that something is found. */
function furnishedMemory() {
  const bytes = new Uint8Array(memoryBytes)
  const view = new DataView(bytes.buffer)
  bytes.set(new TextEncoder().encode('/proc/self/status\0/tmp/x\0/dev/zero\0'), 0)
  for (let at = 64; at < 4096; at += 8) {
    view.setUint32(at, (at * 7) % 40, true)
    view.setUint32(at + 4, at % 24, true)
  }
  return { bytes, view, mark: () => {} }
}

describe('calls of a guest', () => {
  it('are answered by the machine whatever they say, and nothing is thrown out of it', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        const kernel = bootKernel({})
        let task: Task = kernel.init
        const outcome = kernel.call(task, { name: 'fork' })
        if (!outcome || !kernel.lastBorn) throw new Error('no task')
        task = kernel.lastBorn
        const memory = furnishedMemory()
        const caller: Caller = {
          argv: [],
          envp: [],
          standard: newStandard(),
          resuming: () => false,
          resume: () => 'later',
          make: (call) => (kernel.call(task, call) as Outcome | undefined) ?? 'later',
          allocate: () => 4096,
          written: () => {},
        }
        for (const { call, flat } of steps) {
          if (!task.alive || task.blocked || task.state === 'stopped') break
          const make = guestImport(
            `${packageName}/${call.interface}`,
            witName(call.name),
            () => memory,
            () => ({
              ...caller,
              make: (made) => {
                const answer = caller.make(made)
                // Longer answers have no room here.
                return typeof answer === 'object' && 'data' in answer && answer.data && answer.data.length > 65536
                  ? { value: 0 }
                  : answer
              },
            }),
            () => () => 4096,
          )
          make(...flat, place)
        }
      }),
      { numRuns: Number(process.env.VITRINE_RUNS ?? 300) },
    )
    expect(guestCalls.length).toBeGreaterThan(100)
  })
})
