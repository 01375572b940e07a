// The two kinds of errors that are thrown: the user's mistake, and a kernel's refusal that nobody handled nearer.

import { type Errno, errnoSentences } from './errno.ts'

/** A mistake of the user, or something that the machine does not give: one sentence, an exit code, no stack. */
export class UserError extends Error {
  readonly exitCode: number

  /** @param exitCode - podman's: 125 ours, 126 cannot execute, 127 not found */
  constructor(sentence: string, exitCode = 125) {
    super(sentence)
    this.name = 'UserError'
    this.exitCode = exitCode
  }
}

/** A file of ours that cannot be understood: `read PATH: it is damaged: …`. */
export class DamagedError extends UserError {
  constructor(path: string, why: string) {
    super(`read ${path}: it is damaged: ${why}`)
    this.name = 'DamagedError'
  }
}

/** A kernel refused a call: what was tried, on what, and why. */
export class RefusedError extends UserError {
  readonly errno: Errno

  constructor(tried: string, errno: Errno) {
    super(`${tried}: ${errno} (${errnoSentences[errno]})`)
    this.name = 'RefusedError'
    this.errno = errno
  }
}
