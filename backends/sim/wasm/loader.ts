// Programs of files that no build has made ready: a component or module out of an image is taken apart when it is first executed,
// and kept as long as the machine.

import type { Program } from '../../../sim/program.ts'
import { ModuleError } from './binary.ts'
import { prepare } from './prepare.ts'
import { guest } from './process.ts'
import { load, type Prepared } from './program.ts'

/** Where what was made of a file is kept from one machine to the next. */
export interface ProgramShelf {
  readonly find: (file: Uint8Array) => Prepared | undefined
  readonly keep: (file: Uint8Array, prepared: Prepared) => void
}

interface Known {
  readonly file: Uint8Array
  readonly found: Program | string
}

/** What machines ask about a file of WebAssembly: its program, or a sentence why there is none. */
export function programLoader(shelf?: ProgramShelf): (file: Uint8Array) => Program | string {
  const known: Known[] = []
  return (file) => {
    const seen = known.find((one) => isSame(one.file, file))
    if (seen) return seen.found
    const found = programOf(file, shelf)
    known.push({ file: file.slice(), found })
    return found
  }
}

function programOf(file: Uint8Array, shelf: ProgramShelf | undefined): Program | string {
  const there = shelf?.find(file)
  if (there) return guest(load(there))
  try {
    const prepared = prepare(file)
    const program = guest(load(prepared))
    shelf?.keep(file, prepared)
    return program
  } catch (error) {
    if (error instanceof ModuleError) return error.message
    // The engine has limits of its own: of memory, and of what it compiles.
    const { name, message } = error as Error
    if (name === 'CompileError' || name === 'RangeError') return `the WebAssembly engine does not take it: ${message}`
    throw error
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false
  return true
}
