// The tape: steps as bytes, in the form that the native interpreter runs (backends/linux/native/interpreter.h).

import { type Errno, errnoNumbers } from '../errno.ts'
import { UserError } from '../errors.ts'
import type { Syscall, SyscallName } from '../syscall.ts'
import type { Arena } from './arena.ts'
import { type EncodedCall, encodeCall, type Register } from './encode.ts'
import type { Step } from './plan.ts'

export const ENTRY_BYTES = 72
export const TAPE_HEADER_BYTES = 24
/** Reports name an entry by 16 bits. */
const ENTRIES_MAX = 65535
const OP_STORE32 = 0xfff00001
const OP_STORE64 = 0xfff00002
const OP_JUMP = 0xfff00003
const OP_RESULT = 0xfff00004
const TOLERATE_ANY = 1 << 8
const RESTART_EINTR = 1 << 9

/** Calls that answer with a descriptor; bpf(2) does for BPF_PROG_LOAD (5). */
const opening: ReadonlySet<SyscallName> = new Set<SyscallName>([
  ...(['openat', 'openat2', 'open_tree', 'fsopen', 'fsmount', 'socket', 'memfd_create', 'pidfd_open'] as const),
  ...(['eventfd2', 'inotify_init1', 'dup3'] as const),
])

/** What reports of a waiting child look like (struct report): kind 1 with the entry's index. */
const REPORT_WAITING = 1

export interface TapeOptions {
  readonly arena: Arena
  /** The architecture's number of a call. */
  readonly numberOf: (name: SyscallName) => number
  /** The descriptor that is told of waits and refusals; -1 for none. */
  readonly report: number
}

/**
 * A tape being written: the parent's entries, then the child's. Both run on the same memory (or on copies of it that share
 * the results), so a child's step can use what a parent's step has opened.
 */
export class Tape {
  readonly #options: TapeOptions
  #words = new Uint32Array(64 * (ENTRY_BYTES / 4))
  #bytes = new Uint8Array(this.#words.buffer)
  #count = 0
  readonly #labels = new Map<string, number>()
  readonly #sources: (number | undefined)[] = []
  readonly #outputs: EncodedCall['output'][] = []
  /** Entries that open a descriptor, and those that close one (with the entry whose result they close), in order. */
  readonly #descriptors: { readonly entry: number; readonly closes?: number }[] = []
  /** The first entry of the child, and where clone3's arguments lie in the arena. */
  #clone: { readonly entry: number; readonly step: number; readonly argsOffset: number } | undefined

  constructor(options: TapeOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#count
  }

  get clone(): { readonly entry: number; readonly step: number; readonly argsOffset: number } | undefined {
    return this.#clone
  }

  /** Which step an entry belongs to. */
  stepOf(entry: number): number | undefined {
    return this.#sources[entry]
  }

  outputOf(entry: number): EncodedCall['output'] {
    return this.#outputs[entry]
  }

  hasLabel(label: string): boolean {
    return this.#labels.has(label)
  }

  /** The descriptors that the parent's part has opened and left open, from the results of a run. */
  leftOpen(resultOf: (entry: number) => number): Set<number> {
    const open = new Set<number>()
    for (const { entry, closes } of this.#descriptors) {
      if (entry >= (this.#clone?.entry ?? this.#count)) break
      const result = resultOf(entry)
      if (result < 0) continue
      if (closes === undefined) open.add(result)
      else open.delete(resultOf(closes))
    }
    return open
  }

  /** Appends a step; `index` is what `stepOf` answers for its entries. Gives the entry of the step's own call. */
  step(step: Step, index: number): number {
    if (step.waits) this.#announceWait(index)
    if (step.call.name === 'clone3') return this.#cloneStep(step.call, index)
    const tolerated = step.tolerate ?? []
    const anyErrno = tolerated === 'any' || (tolerated.length === 0 && step.otherwise !== undefined)
    const entry = this.call(step.call, index, anyErrno ? 'any' : (tolerated as readonly Errno[]))
    if (step.as !== undefined) this.#labels.set(step.as, entry)
    const { and, otherwise } = step
    for (const inner of and ?? []) this.step(inner, index)
    let jump: number | undefined
    if (and?.length && otherwise?.length) jump = this.#entry(OP_JUMP, [], index)
    if (and?.length) this.#skip(entry, 'refused', this.#count - entry - 1)
    const before = this.#count
    for (const inner of otherwise ?? []) this.step(inner, index)
    if (step.as !== undefined) this.#settle(step.as, entry, index)
    if (otherwise?.length) this.#skip(jump ?? entry, 'success', this.#count - before)
    return entry
  }

  /** Appends a call. */
  call(call: Syscall, index: number, tolerate: readonly Errno[] | 'any' = []): number {
    const encoded = encodeCall(call, this.#options.arena)
    for (const store of encoded.stores) {
      const op = store.bits === 32 ? OP_STORE32 : OP_STORE64
      this.#entry(op, [this.#options.arena.address(store.offset), store.result], index)
    }
    const entry = this.#entry(this.#options.numberOf(call.name), encoded.registers, index)
    this.#outputs[entry] = encoded.output
    if (opening.has(call.name) || (call.name === 'bpf' && call.cmd === 5)) this.#descriptors.push({ entry })
    else if (call.name === 'close' && typeof call.fd === 'object')
      this.#descriptors.push({ entry, closes: this.#labels.get(call.fd.from)! })
    const at = entry * ENTRY_BYTES
    if (tolerate === 'any') this.#words[at / 4 + 1]! |= TOLERATE_ANY
    else if (tolerate.length > 4) throw new Error(`a step tolerates more than four errnos: ${tolerate.join(' ')}`)
    else for (let i = 0; i < tolerate.length; i++) this.#bytes[at + 68 + i] = errnoNumbers[tolerate[i]!]
    return entry
  }

  /** The tape, to be placed at an address of its own. */
  finish(): Uint8Array {
    if (this.#count > ENTRIES_MAX)
      throw new UserError(`a start of ${this.#count} calls is longer than can be reported on: ${ENTRIES_MAX} at most`)
    const tape = new Uint8Array(TAPE_HEADER_BYTES + this.#count * ENTRY_BYTES)
    const view = new DataView(tape.buffer)
    view.setUint32(0, this.#count, true)
    view.setUint32(4, this.#clone?.entry ?? this.#count, true)
    view.setInt32(8, -1, true)
    view.setInt32(16, this.#options.report, true)
    tape.set(this.#bytes.subarray(0, this.#count * ENTRY_BYTES), TAPE_HEADER_BYTES)
    return tape
  }

  /** clone3 is the executor's to make, between the two halves; here its arguments are laid out. */
  #cloneStep(call: Extract<Syscall, { name: 'clone3' }>, index: number): number {
    const { arena } = this.#options
    const encoded = encodeCall(call, arena)
    const argsOffset = Number(encoded.registers[0]) - arena.base
    for (const store of encoded.stores) this.#entry(OP_STORE64, [arena.address(store.offset), store.result], index)
    this.#clone = { entry: this.#count, step: index, argsOffset }
    return this.#count
  }

  /** A label that `otherwise` gives again: whichever way was gone, the step's own entry has the result afterwards. */
  #settle(label: string, entry: number, index: number): void {
    const again = this.#labels.get(label)
    if (again === undefined || again === entry) return
    this.#entry(OP_RESULT, [entry, { from: label }], index)
    this.#labels.set(label, entry)
  }

  #announceWait(index: number): void {
    const record = new Uint8Array(new Uint32Array([REPORT_WAITING, index]).buffer)
    this.call({ name: 'write', fd: this.#options.report, buf: record }, index)
  }

  #entry(number: number, registers: readonly Register[], index: number): number {
    const entry = this.#count++
    if (this.#count * ENTRY_BYTES > this.#bytes.length) {
      const larger = new Uint32Array(this.#words.length * 2)
      larger.set(this.#words)
      this.#words = larger
      this.#bytes = new Uint8Array(larger.buffer)
    }
    const word = (entry * ENTRY_BYTES) / 4
    this.#words[word] = number
    let flags = RESTART_EINTR
    for (let i = 0; i < registers.length; i++) {
      const register = registers[i]!
      let low = 0
      let high = 0
      if (typeof register === 'object') {
        const source = this.#labels.get(register.from)
        if (source === undefined)
          throw new Error(`a step uses the result "${register.from}", which no step before it has`)
        flags |= 1 << i
        low = source
      } else if (typeof register === 'bigint') {
        const unsigned = BigInt.asUintN(64, register)
        low = Number(unsigned & 0xffffffffn)
        high = Number(unsigned >> 32n)
      } else if (register >= 0) {
        low = register % 4294967296
        high = register / 4294967296
      } else {
        low = register
        high = Math.floor(register / 4294967296)
      }
      this.#words[word + 2 + 2 * i] = low
      this.#words[word + 3 + 2 * i] = high
    }
    this.#words[word + 1] = flags
    this.#words[word + 14] = -9 // the result of an entry that was left out is -EBADF
    this.#words[word + 15] = -1
    this.#sources[entry] = index
    return entry
  }

  #skip(entry: number, on: 'success' | 'refused', entries: number): void {
    const half = new Uint16Array(this.#bytes.buffer, entry * ENTRY_BYTES + 64, 2)
    half[on === 'success' ? 0 : 1] = entries
  }
}
