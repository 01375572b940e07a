// Bytes that no compression makes smaller, the same for the same word.

import { createCipheriv, createHash } from 'node:crypto'

export function noise(word: string, lengthBytes: number): Uint8Array {
  const key = createHash('sha256').update(word).digest()
  return new Uint8Array(createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(lengthBytes)))
}
