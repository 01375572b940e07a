// The imports of a guest: each call of the contract as a function of flat numbers, which makes the call, and writes the answer
// where the guest wants it. Component Model, CanonicalABI.md

import { type Errno, errnoNumbers } from '../../../core/errno.ts'
import type { Kind, Syscall } from '../../../core/syscall.ts'
import type { Outcome } from '../../../sim/outcome.ts'
import { type GuestCall, guestCalls, packageName, witName } from './contract.ts'
import type { Standard } from './wasi/resources.ts'
import { type Flat, type Memory, Unreadable, words } from './words.ts'

export type Realloc = (old: number, oldBytes: number, align: number, bytes: number) => number

/** An outcome to be written; `again`: the call is made anew; `later`: nothing is written now, the guest stands still or will. */
export type Answer = Outcome | 'again' | 'later'

/** Who makes the calls of an instance at the moment. */
export interface Caller {
  /** What execve(2) gave it. */
  readonly argv: readonly string[]
  readonly envp: readonly string[]
  /** Of a component of WASI. */
  readonly standard: Standard
  /** The guest comes back into a call that it was suspended in. */
  resuming(): boolean
  resume(): Answer
  make(call: Syscall): Answer
  /** Memory of the guest that its own code finds; ends the guest when it is none. Memory may grow and move. */
  allocate(realloc: Realloc, bytes: number): number
  /** An answer was written, of so many bytes beside its number. */
  written(bytes: number): void
}

/** What the guest has done wrong ends it as a trap of its own code does. */
export const trap = (why: string): never => {
  throw new WebAssembly.RuntimeError(why)
}

/** By the name of an interface and that of a function in it, as modules import them, without a version. */
const callsByName: ReadonlyMap<string, GuestCall> = new Map(
  guestCalls.map((call) => [`${packageName}/${call.interface}|${witName(call.name)}`, call]),
)

const programFunctions = new Set([`${packageName}/program|argv`, `${packageName}/program|envp`])

/** Types of the flat numbers that a function of the contract takes; undefined when the contract has no such function. */
export function flatTypes(interfaceName: string, name: string): readonly ('i32' | 'i64')[] | undefined {
  const key = `${interfaceName}|${name}`
  if (programFunctions.has(key)) return ['i32']
  const call = callsByName.get(key)
  // The last is where the answer goes.
  return call && [...(call.parameters as readonly [string, Kind][]).flatMap(([, kind]) => words[kind]!.flat), 'i32']
}

const encoder = new TextEncoder()

/** What stands in a result behind its first byte. */
const payload = 8
const resultBytes = { plain: 16, answers: 24 }

/**
 * A function of the contract, as a module imports it.
 *
 * @param realloc - the guest's own, once it is there
 */
export function guestImport(
  interfaceName: string,
  name: string,
  memory: () => Memory,
  caller: () => Caller,
  realloc: () => Realloc,
): (...flat: (number | bigint)[]) => void {
  if (interfaceName === `${packageName}/program`)
    return (at) => {
      const asking = caller()
      if (asking.resuming()) {
        asking.resume()
        return
      }
      const texts = name === 'argv' ? asking.argv : asking.envp
      const data = encoder.encode(texts.map((text) => `${text}\0`).join(''))
      const start = data.length > 0 ? asking.allocate(realloc(), data.length) : 0
      const place = roomAt(memory(), at, 8)
      const { view, bytes } = markedMemory(memory(), place, 8, start, data.length)
      bytes.set(data, start)
      view.setUint32(place, start, true)
      view.setUint32(place + 4, data.length, true)
      asking.written(data.length)
    }
  const call = callsByName.get(`${interfaceName}|${name}`)!
  const { lift, flats } = lifting(call)
  const types = flatTypes(interfaceName, name)!
  let known = false
  return (...flat) => {
    const asking = caller()
    if (!known) {
      if (
        flat.length !== types.length ||
        flat.some((value, at) => (typeof value === 'bigint') !== (types[at] === 'i64'))
      )
        trap(`${name} is called with arguments that it does not have`)
      known = true
    }
    let answer: Answer = asking.resuming() ? asking.resume() : 'again'
    while (answer === 'again') {
      const seen = memory()
      roomAt(seen, flat[flats]!, resultBytes[call.answers ? 'answers' : 'plain'])
      let made: Syscall
      try {
        made = lift(seen, flat)
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error
        answer = error.denied
        break
      }
      answer = asking.make(made)
    }
    if (answer === 'later') return
    lower(memory, answer, Number(flat[flats]) >>> 0, call, (bytes) => asking.allocate(realloc(), bytes))
    asking.written('data' in answer ? (answer.data?.length ?? 0) : 0)
  }
}

/** Where an answer goes is in the guest's memory. */
function roomAt({ bytes }: Memory, at: number | bigint, length: number): number {
  const place = Number(at) >>> 0
  if (place + length > bytes.length || place % 4 !== 0)
    trap('the answer of a call has no place in the memory of the guest')
  return place
}

function lifting({ name, parameters }: GuestCall): { lift: (memory: Memory, flat: Flat) => Syscall; flats: number } {
  const steps: [string, (memory: Memory, flat: Flat, at: number) => unknown, number][] = []
  let flats = 0
  for (const [parameter, kind] of parameters as readonly (readonly [string, Kind])[]) {
    const word = words[kind]!
    steps.push([parameter, word.lift, flats])
    flats += word.flat.length
  }
  return {
    flats,
    lift: (memory, flat) => {
      const call: Record<string, unknown> = { name }
      for (const [parameter, lift, at] of steps) call[parameter] = lift(memory, flat, at)
      return call as unknown as Syscall
    },
  }
}

/** Where a result is going to be written, and bytes that it points to. */
function markedMemory(memory: Memory, at: number, bytes: number, start = 0, length = 0): Memory {
  memory.mark(at, bytes)
  if (length > 0) memory.mark(start, length)
  return memory
}

/** Writes `result<s64, u16>` or `result<answer, u16>`. */
function lower(
  memory: () => Memory,
  outcome: Outcome,
  at: number,
  { answers }: GuestCall,
  allocate: (bytes: number) => number,
): void {
  if ('errno' in outcome) {
    const { view } = markedMemory(memory(), at, payload + 2)
    view.setUint8(at, 1)
    view.setUint16(at + payload, errnoNumbers[outcome.errno as Errno], true)
    return
  }
  const data = outcome.data
  const length = answers && data ? data.length : 0
  // Memory may grow and move here.
  const start = length > 0 ? allocate(length) : 0
  const { view, bytes } = markedMemory(memory(), at, resultBytes.answers, start, length)
  view.setUint8(at, 0)
  view.setInt32(at + payload, outcome.value | 0, true)
  view.setInt32(at + payload + 4, Math.floor(outcome.value / 2 ** 32), true)
  if (!answers) return
  if (length > 0) bytes.set(data!, start)
  view.setUint32(at + payload + 8, start, true)
  view.setUint32(at + payload + 12, length, true)
}
