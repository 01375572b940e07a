// What a guest is while it does not run, as plain data. Memory is in chunks that are never changed, so that images of a process
// and of those that it has forked have in common what none of them has written to.

const chunkBytes = 65536
/** Nobody writes to it. */
const zeros = new Uint8Array(chunkBytes)

/** Everything that an instance holds. */
export interface GuestImage {
  /** Chunks of 64 KiB, one behind another. */
  readonly memory: readonly Uint8Array[]
  /** Of each module, in the order in which they are made. */
  readonly globals: readonly (readonly (number | bigint)[])[]
}

/** @param base - chunks that are taken over where they are the same */
export function saveMemory(bytes: Uint8Array, base: readonly Uint8Array[] = []): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    const known = base[chunks.length]
    if (known && isSame(bytes, start, known)) chunks.push(known)
    else chunks.push(isSame(bytes, start, zeros) ? zeros : bytes.slice(start, start + chunkBytes))
  }
  return chunks
}

/** @param isFresh - nobody has written to it yet. */
export function restoreMemory(bytes: Uint8Array, chunks: readonly Uint8Array[], isFresh = false): void {
  for (const [at, chunk] of chunks.entries())
    if (chunk !== zeros) bytes.set(chunk, at * chunkBytes)
    else if (!isFresh) bytes.fill(0, at * chunkBytes, (at + 1) * chunkBytes)
}

function isSame(bytes: Uint8Array, start: number, chunk: Uint8Array): boolean {
  const one = new Int32Array(bytes.buffer, bytes.byteOffset + start, chunkBytes / 4)
  const other = new Int32Array(chunk.buffer, chunk.byteOffset, chunkBytes / 4)
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false
  return true
}
