// Bytes that a snapshot of the machine has in common with it: whoever writes to them makes a copy of them first.

const kept = new WeakSet<Uint8Array>()

export function keepBytes(bytes: Uint8Array): void {
  kept.add(bytes)
}

/** The same bytes, or a copy that may be changed. */
export function changeable(bytes: Uint8Array): Uint8Array {
  return kept.has(bytes) ? bytes.slice() : bytes
}
