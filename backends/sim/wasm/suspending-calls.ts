// Which calls of a module may come back because everything stops: those of imports, and of all functions that make such calls.

import { Reader } from './binary.ts'
import { type Instruction, op, readInstruction } from './instructions.ts'
import { listedFunctions } from './listed-functions.ts'
import { meterImports } from './meter.ts'
import type { Module } from './sections.ts'
import { typeOfCall } from './sites.ts'
import { isTailCall } from './tail-calls.ts'

/** Of one function: the functions that it calls, and the types of those that it finds in a table. */
interface Calls {
  readonly direct: Set<number>
  readonly indirect: Set<number>
}

/** Tells it of each call. What comes from a table may be any function there that has the type. */
export function suspendingCalls(module: Module): (call: Instruction) => boolean {
  const { bytes, imports, importedFunctions, functions, types } = module
  const kinds = types.map(({ parameterTypes, results }) => `${parameterTypes.join()}>${results.join()}`)
  const typeOf = (index: number) =>
    index < importedFunctions ? imports[index]!.type : functions[index - importedFunctions]!
  const listed = listedFunctions(module)
  const suspending = new Set<number>()
  const suspendingKinds = new Set(listed ? [] : kinds)
  // From those called to those that call them.
  const callers = new Map<number | string, number[]>()
  const addCaller = (of: number | string, caller: number) => {
    const known = callers.get(of)
    if (known) known.push(caller)
    else callers.set(of, [caller])
  }
  const waiting: number[] = []
  const add = (index: number) => {
    if (suspending.has(index)) return
    suspending.add(index)
    waiting.push(index)
  }
  for (const [index, { from, name }] of imports.entries()) if (from !== meterImports || name !== 'overflow') add(index)
  for (const [at, { direct, indirect }] of callsOf(module).entries()) {
    const index = importedFunctions + at
    for (const called of direct) addCaller(called, index)
    for (const type of indirect)
      if (listed) addCaller(kinds[type]!, index)
      else add(index)
  }
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    for (const caller of callers.get(index) ?? []) add(caller)
    if (!listed?.has(index)) continue
    const kind = kinds[typeOf(index)]!
    suspendingKinds.add(kind)
    for (const caller of callers.get(kind) ?? []) add(caller)
  }
  return (call) =>
    call.code === op.call || call.code === op.returnCall
      ? suspending.has(call.index)
      : suspendingKinds.has(kinds[typeOfCall(bytes, call)]!)
}

/** Whether there is a tail call that may come back because everything stops. */
export function hasSuspendingTailCalls(module: Module, suspends: (call: Instruction) => boolean): boolean {
  let has = false
  callsOf(module, (call) => {
    has ||= isTailCall(call) && suspends(call)
  })
  return has
}

function callsOf({ bytes, sections, functions }: Module, look?: (call: Instruction) => void): Calls[] {
  const section = sections.get(10)
  if (!section) return functions.map(() => ({ direct: new Set(), indirect: new Set() }))
  const reader = new Reader(bytes, section.start, section.end)
  const found: Calls[] = []
  const instruction: Instruction = { code: 0, number: 0, start: 0, immediates: 0, index: 0 }
  for (let count = reader.u32(); count > 0; count--) {
    const size = reader.u32()
    const body = new Reader(bytes, reader.position, reader.position + size)
    reader.skip(size)
    for (let groups = body.u32(); groups > 0; groups--) {
      body.u32()
      body.byte()
    }
    const calls: Calls = { direct: new Set(), indirect: new Set() }
    while (!body.done) {
      readInstruction(body, instruction)
      const { code } = instruction
      look?.(instruction)
      if (code === op.call || code === op.returnCall) calls.direct.add(instruction.index)
      else if (code === op.callIndirect || code === op.returnCallIndirect)
        calls.indirect.add(typeOfCall(bytes, instruction))
    }
    found.push(calls)
  }
  return found
}
