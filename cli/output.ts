// Text to standard output and error, written at once: streams cost milliseconds at the start and may lose what is last.

import { writeSync } from 'node:fs'
import { harmless } from '../core/printable.ts'

let muted = false

/** What is printed from now on is not, or is again. A command that is replayed has been heard already. */
export function mute(on: boolean): void {
  muted = on
}

function writeAll(fd: number, bytes: Uint8Array): void {
  if (muted) return
  let at = 0
  while (at < bytes.length) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE' || code === 'EIO') process.exit(0) // nobody reads any more: as head(1) leaves its writers
      if (code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2) // somebody made the pipe non-blocking
    }
  }
}

const encoder = new TextEncoder()

/** Text of ours, in which there may be text of images and registries: a terminal obeys none of it. */
export function print(text: string): void {
  writeAll(1, encoder.encode(harmless(text)))
}

export function printBytes(fd: 1 | 2, bytes: Uint8Array): void {
  writeAll(fd, bytes)
}

/** Empties the terminal. ECMA-48 CUP, ED. */
export function clearScreen(): void {
  writeAll(1, encoder.encode('\x1b[H\x1b[2J'))
}

export function printLine(text: string): void {
  print(`${text}\n`)
}

/** A sentence for the user, on standard error. */
export function printError(sentence: string): void {
  writeAll(2, encoder.encode(`vitrine: ${harmless(sentence)}\n`))
}
