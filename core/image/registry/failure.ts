// What a registry refuses, as a sentence that says what to do, and as words that code can tell apart.

import { UserError } from '../../errors.ts'

/** The distribution spec's error codes, and `UNKNOWN` when the registry gives none. */
export class RegistryError extends UserError {
  /** Of HTTP; 0 when the answer itself was wrong. */
  readonly status: number
  /** `MANIFEST_UNKNOWN`, `DENIED`, `TOOMANYREQUESTS`, `DIGEST_INVALID`, ... */
  readonly code: string

  constructor(sentence: string, status: number, code: string) {
    super(sentence)
    this.name = 'RegistryError'
    this.status = status
    this.code = code
  }
}

/** Whether a registry does not have what was asked for, or says so to those whom it does not know. */
export function isNotFound(error: unknown): boolean {
  return error instanceof RegistryError && error.status === 404
}
