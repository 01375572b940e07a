// The functions of a module that stand in its tables, which is where indirect calls find them.

import { Reader } from './binary.ts'
import { type Module, skipExpression } from './sections.ts'

/** The functions that stand in tables; undefined when others can change these. */
export function listedFunctions({ bytes, sections, tables }: Module): Set<number> | undefined {
  if (tables.some(({ imported }) => imported) || exportsTable({ bytes, sections })) return undefined
  const found = new Set<number>()
  const section = sections.get(9)
  if (!section) return found
  const reader = new Reader(bytes, section.start, section.end)
  for (let count = reader.u32(); count > 0; count--) {
    const flags = reader.u32()
    if ((flags & 1) === 0) {
      if (flags & 2) reader.u32()
      skipExpression(reader)
    }
    if (flags & 3) reader.byte()
    // Functions as expressions: whoever writes such may call any of them.
    if (flags & 4) return undefined
    for (let items = reader.u32(); items > 0; items--) found.add(reader.u32())
  }
  return found
}

function exportsTable({ bytes, sections }: Pick<Module, 'bytes' | 'sections'>): boolean {
  const section = sections.get(7)
  if (!section) return false
  const reader = new Reader(bytes, section.start, section.end)
  let exports = false
  for (let count = reader.u32(); count > 0; count--) {
    reader.name()
    exports = reader.byte() === 1 || exports
    reader.u32()
  }
  return exports
}
