// The imports of a guest: each call of the contract as the function that jco's glue asks for, which takes flat numbers, makes the
// call, and writes the answer where the guest wants it. Component Model, CanonicalABI.md

import { type Errno, errnoNumbers } from '../../../core/errno.ts'
import type { Kind, Syscall } from '../../../core/syscall.ts'
import type { Outcome } from '../../../sim/outcome.ts'
import { type GuestCall, guestCalls, type InterfaceName, packageName, witName } from './contract.ts'
import { type Flat, type Memory, words } from './words.ts'

type Realloc = (old: number, oldBytes: number, align: number, bytes: number) => number

/** Makes a call for a guest. Undefined: it will be answered later, the guest unwinds now. */
export type Make = (call: Syscall, memory: Memory) => Outcome | undefined

const encoder = new TextEncoder()

/** What stands in a result behind its first byte. */
const payload = 8

/** By interface, as the glue looks for them. */
export function guestImports(
  memory: () => Memory,
  make: Make,
  allocate: (realloc: Realloc, bytes: number) => number,
  { argv, envp }: { readonly argv: readonly string[]; readonly envp: readonly string[] },
) {
  const imports: Record<string, Record<string, unknown>> = {}
  const strings =
    (texts: readonly string[]) =>
    ({ realloc }: { realloc?: Realloc }) =>
    (at: number) =>
      lowerBytes(memory, encoder.encode(texts.map((text) => `${text}\0`).join('')), at, (bytes) =>
        allocate(realloc!, bytes),
      )
  imports[`${packageName}/program`] = { argv: strings(argv), envp: strings(envp) }
  for (const call of guestCalls) {
    const name = `${packageName}/${call.interface satisfies InterfaceName}`
    imports[name] ??= {}
    imports[name][camelCase(witName(call.name))] = ({ realloc }: { realloc?: Realloc }) => {
      const { lift, flats } = lifting(call)
      return (...flat: Flat) => {
        const seen = memory()
        const outcome = make(lift(seen, flat), seen)
        if (outcome) lower(memory, outcome, Number(flat[flats]), call, (bytes) => allocate(realloc!, bytes))
      }
    }
  }
  return imports
}

const camelCase = (name: string) => name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())

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

/** Writes `result<s64, u16>` or `result<answer, u16>`. */
function lower(
  memory: () => Memory,
  outcome: Outcome,
  at: number,
  { answers }: GuestCall,
  allocate: (bytes: number) => number,
): void {
  if ('errno' in outcome) {
    const { view } = memory()
    view.setUint8(at, 1)
    view.setUint16(at + payload, errnoNumbers[outcome.errno as Errno], true)
    return
  }
  const data = outcome.data
  const length = answers && data ? data.length : 0
  // Memory may grow and move here.
  const start = length > 0 ? allocate(length) : 0
  const { view, bytes } = memory()
  view.setUint8(at, 0)
  view.setInt32(at + payload, outcome.value | 0, true)
  view.setInt32(at + payload + 4, Math.floor(outcome.value / 2 ** 32), true)
  if (!answers) return
  if (length > 0) bytes.set(data!, start)
  view.setUint32(at + payload + 8, start, true)
  view.setUint32(at + payload + 12, length, true)
}

/** Writes `list<u8>`. */
function lowerBytes(memory: () => Memory, data: Uint8Array, at: number, allocate: (bytes: number) => number): void {
  const start = data.length > 0 ? allocate(data.length) : 0
  const { view, bytes } = memory()
  bytes.set(data, start)
  view.setUint32(at, start, true)
  view.setUint32(at + 4, data.length, true)
}
