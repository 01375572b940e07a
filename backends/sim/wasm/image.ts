// What a guest is while it does not run, as plain data. Memory is in chunks that are never changed, so that images of a process
// and of those that it has forked have in common what none of them has written to.

import type { Written } from './written.ts'

export const chunkBytes = 65536
/** Nobody writes to it. */
const zeros = new Uint8Array(chunkBytes)

/** Everything that an instance holds. */
export interface GuestImage {
  /** Chunks of 64 KiB, one behind another. */
  readonly memory: readonly Uint8Array[]
  /** Of each module, in the order in which they are made. */
  readonly globals: readonly (readonly (number | bigint)[])[]
}

/**
 * @param base - what is in memory where nothing was written
 * @param written - where something may have been
 */
export function saveMemory(bytes: Uint8Array, base: readonly Uint8Array[], written: Written): Uint8Array[] {
  const count = bytes.length / chunkBytes
  const chunks: Uint8Array[] = new Array(count)
  for (let at = 0; at < count; at++) {
    const known = base[at]
    if (known && !written.has(at)) chunks[at] = known
    else chunks[at] = same(bytes, at, known) ?? same(bytes, at, zeros) ?? copyOf(bytes, at)
  }
  return chunks
}

/**
 * @param base - what is in memory where nothing was written
 * @param written - where something may have been
 */
export function restoreMemory(
  bytes: Uint8Array,
  chunks: readonly Uint8Array[],
  base: readonly Uint8Array[],
  written: Written,
): void {
  for (const [at, chunk] of chunks.entries())
    if (base[at] === chunk && !written.has(at)) continue
    else if (chunk === zeros) bytes.fill(0, at * chunkBytes, (at + 1) * chunkBytes)
    else bytes.set(chunk, at * chunkBytes)
}

const copyOf = (bytes: Uint8Array, at: number): Uint8Array => bytes.slice(at * chunkBytes, (at + 1) * chunkBytes)

function same(bytes: Uint8Array, at: number, chunk: Uint8Array | undefined): Uint8Array | undefined {
  if (!chunk) return undefined
  const one = new Int32Array(bytes.buffer, bytes.byteOffset + at * chunkBytes, chunkBytes / 4)
  const other = new Int32Array(chunk.buffer, chunk.byteOffset, chunkBytes / 4)
  for (let word = 0; word < one.length; word++) if (one[word] !== other[word]) return undefined
  return chunk
}
