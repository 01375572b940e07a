// SHA-256 as a running sum, for images: what browsers have of it takes all bytes at once. FIPS 180-4.

import type { Hash } from '../core/image/archive.ts'

const blockBytes = 64

/** Fractions of roots of the first primes. */
function fractions(count: number, root: (prime: number) => number): Uint32Array {
  const found: number[] = []
  for (let candidate = 2; found.length < count; candidate++) {
    let isPrime = true
    for (let by = 2; by * by <= candidate; by++) if (candidate % by === 0) isPrime = false
    if (isPrime) found.push((root(candidate) % 1) * 2 ** 32)
  }
  return Uint32Array.from(found)
}

const rounds = fractions(64, Math.cbrt)
const start = fractions(8, Math.sqrt)
const turn = (word: number, by: number) => (word >>> by) | (word << (32 - by))

export function sha256(): Hash {
  const state = start.slice()
  const block = new Uint8Array(blockBytes)
  const view = new DataView(block.buffer)
  const words = new Int32Array(64)
  let lengthBytes = 0
  const mix = () => {
    for (let at = 0; at < 16; at++) words[at] = view.getInt32(at * 4)
    for (let at = 16; at < 64; at++) {
      const [early, late] = [words[at - 15]!, words[at - 2]!]
      const one = turn(early, 7) ^ turn(early, 18) ^ (early >>> 3)
      const other = turn(late, 17) ^ turn(late, 19) ^ (late >>> 10)
      words[at] = words[at - 16]! + one + words[at - 7]! + other
    }
    let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number]
    for (let at = 0; at < 64; at++) {
      const chosen = (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g))
      const one = (h + chosen + rounds[at]! + words[at]!) | 0
      const other = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0
      h = g
      g = f
      f = e
      e = (d + one) | 0
      d = c
      c = b
      b = a
      a = (one + other) | 0
    }
    for (const [at, word] of [a, b, c, d, e, f, g, h].entries()) state[at]! += word
  }
  const update = (bytes: Uint8Array) => {
    for (let rest = bytes; rest.length > 0; ) {
      const at = lengthBytes % blockBytes
      const part = rest.subarray(0, blockBytes - at)
      block.set(part, at)
      lengthBytes += part.length
      rest = rest.subarray(part.length)
      if (lengthBytes % blockBytes === 0) mix()
    }
  }
  return {
    update,
    hex: () => {
      const bits = BigInt(lengthBytes) * 8n
      update(Uint8Array.of(0x80))
      const zeros = (2 * blockBytes - 8 - (lengthBytes % blockBytes)) % blockBytes
      update(new Uint8Array(zeros))
      const end = new Uint8Array(8)
      new DataView(end.buffer).setBigUint64(0, bits)
      update(end)
      return Array.from(state, (word) => word.toString(16).padStart(8, '0')).join('')
    },
  }
}
