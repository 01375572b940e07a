// Asks before something is removed for good.

import { readSync } from 'node:fs'
import { UserError } from '../core/errors.ts'
import { print } from './output.ts'

/** The next line of standard input; undefined at its end. A byte at a time: what follows is not ours. */
function readLine(): string | undefined {
  const byte = Buffer.alloc(1)
  let line = ''
  for (;;) {
    let count: number
    try {
      count = readSync(0, byte)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20) // somebody made the terminal non-blocking
      continue
    }
    if (count === 0) return line === '' ? undefined : line
    if (byte[0] === 10) return line
    line += byte.toString('latin1')
  }
}

/**
 * Prints a warning and reads the answer, from a terminal or whatever standard input is.
 *
 * @errors UserError when standard input ends without one
 */
export function confirm(warning: string): boolean {
  print(`${warning}\nAre you sure you want to continue? [y/N] `)
  const answer = readLine()
  if (answer === undefined) {
    print('\n')
    throw new UserError('nothing was answered, and nothing removed: give --force where nobody can answer')
  }
  return /^y/i.test(answer.trim())
}
