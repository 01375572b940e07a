// Session keyrings, as far as runtimes ask for one: a new one for each container. keyctl(2), session-keyring(7)

import type { KUid } from './ids.ts'

/** Shared by a process with what it forks, until one of them joins another. */
export interface SessionKeyring {
  readonly serial: number
  /** Undefined: nobody but those who have it can join it. */
  readonly description: string | undefined
  readonly owner: KUid
}

/** Serial numbers are positive; the kernel draws them, here they count. */
export const firstSerial = 0x10000000
