// What was made of components and modules out of images, kept in ROOT/programs: by the digest of the file, and by the version of what
// made it. What is there was renamed to its place as a whole.

import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProgramShelf } from '../../backends/sim/wasm/loader.ts'
import type { Prepared } from '../../backends/sim/wasm/program.ts'

/** @param version - of the passes; what another one made is not found */
export function programShelf(directory: string, version: string): ProgramShelf {
  const placeOf = (file: Uint8Array) => join(directory, `${createHash('sha256').update(file).digest('hex')}.${version}`)
  return {
    find: (file) => {
      const place = placeOf(file)
      try {
        return unpacked(new Uint8Array(readFileSync(place)))
      } catch {
        return undefined
      }
    },
    keep: (file, prepared) => {
      const place = placeOf(file)
      const draft = `${place}.${process.pid}`
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        writeFileSync(draft, packed(prepared), { mode: 0o600 })
        renameSync(draft, place)
      } catch {
        // It is made again the next time: a full disk is no reason not to run it.
        rmSync(draft, { force: true })
      }
    },
  }
}

interface Head {
  readonly plan: Prepared['plan']
  readonly modules: readonly { readonly name: string; readonly length: number }[]
}

/** A digest of all that follows; the length of a head; the head as JSON; the modules. */
function packed({ plan, modules }: Prepared): Uint8Array {
  const entries = Object.entries(modules)
  const head: Head = {
    plan,
    modules: entries.map(([name, { bytes, ...more }]) => ({ name, length: bytes.length, ...more })),
  }
  const json = Buffer.from(JSON.stringify(head))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(json.length)
  const rest = Buffer.concat([length, json, ...entries.map(([, { bytes }]) => bytes)])
  return Buffer.concat([createHash('sha256').update(rest).digest(), rest])
}

const digestBytes = 32

/** @errors Error for what is damaged */
function unpacked(file: Uint8Array): Prepared {
  const rest = file.subarray(digestBytes)
  if (!createHash('sha256').update(rest).digest().equals(file.subarray(0, digestBytes))) throw new Error('damaged')
  const length = new DataView(rest.buffer, rest.byteOffset).getUint32(0, true)
  const head = JSON.parse(new TextDecoder().decode(rest.subarray(4, 4 + length))) as Head
  let at = 4 + length
  const modules = head.modules.map(({ name, length: count, ...more }) => {
    at += count
    return [name, { ...more, bytes: rest.slice(at - count, at) }] as const
  })
  return { modules: Object.fromEntries(modules), plan: head.plan }
}
