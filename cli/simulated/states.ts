// States of a machine, each in a file of its own: ROOT/machines/NAME.states/STEP.state, STEP being how many of its commands have run. They
// only save time: whoever has none replays the log, and so does whoever finds one damaged, or made by another build.

import { createHash } from 'node:crypto'
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { readTaken, type Snapshot, writeTaken } from '../../backends/sim/snapshot.ts'

export interface States {
  /** Steps that there is a file of, the latest first. */
  readonly steps: () => number[]
  /** Undefined when there is none, or it is damaged, of another build, or of another course of things (its digest). */
  readonly read: (step: number, digest: string | undefined) => Snapshot | undefined
  readonly write: (step: number, digest: string, snapshot: Snapshot) => void
  readonly remove: (step: number) => void
  readonly removeAll: () => void
  readonly bytesOf: (step: number) => number | undefined
  /** To another machine's. */
  readonly copy: (step: number, other: string) => void
}

interface Head {
  readonly format: 1
  readonly key: string
  readonly digest: string
  readonly atNs: number
  readonly textBytes: number
  readonly sum: string
}

const suffix = '.state'
const sumOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64')

/**
 * @param key - of the build: others do not read it
 * @param known - files that every machine of this build has
 */
export function statesOf(directory: string, name: string, key: string, known: readonly Uint8Array[]): States {
  const own = join(directory, `${name}.states`)
  const path = (step: number, place = own) => join(place, `${step}${suffix}`)
  return {
    steps: () => {
      const names = readDirectory(own).filter((file) => file.endsWith(suffix))
      return names.map((file) => Number(file.slice(0, -suffix.length))).sort((a, b) => b - a)
    },
    read: (step, digest) => {
      try {
        const file = readFileSync(path(step))
        const end = file.indexOf(10)
        const head = JSON.parse(file.subarray(0, end).toString()) as Head
        const body = file.subarray(end + 1)
        if (head.format !== 1 || head.key !== key || (digest !== undefined && head.digest !== digest)) return undefined
        if (head.sum !== sumOf(body)) return undefined
        const whole = new Uint8Array(inflateRawSync(body))
        const text = new TextDecoder().decode(whole.subarray(0, head.textBytes))
        return { taken: readTaken({ text, bytes: whole.subarray(head.textBytes) }, known), atNs: head.atNs }
      } catch {
        return undefined
      }
    },
    write: (step, digest, { taken, atNs }) => {
      const { text, bytes } = writeTaken(taken, known)
      const head = new TextEncoder().encode(text)
      const body = deflateRawSync(Buffer.concat([head, bytes]), { level: 1 })
      const first: Head = { format: 1, key, digest, atNs, textBytes: head.length, sum: sumOf(body) }
      mkdirSync(own, { recursive: true, mode: 0o700 })
      const draft = `${path(step)}.${process.pid}`
      writeFileSync(draft, Buffer.concat([Buffer.from(`${JSON.stringify(first)}\n`), body]), { mode: 0o600 })
      renameSync(draft, path(step))
    },
    remove: (step) => rmSync(path(step), { force: true }),
    removeAll: () => rmSync(own, { recursive: true, force: true }),
    bytesOf: (step) => statSync(path(step), { throwIfNoEntry: false })?.size,
    copy: (step, other) => {
      const place = join(directory, `${other}.states`)
      mkdirSync(place, { recursive: true, mode: 0o700 })
      copyFileSync(path(step), path(step, place))
    },
  }
}

function readDirectory(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
