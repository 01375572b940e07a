// What a process has said that signals shall do. Shared with CLONE_SIGHAND. sigaction(2)

/** The default, nothing, or a handler of the program's. */
export type Disposition = 'default' | 'ignore' | 'handler'

export interface SignalAction {
  readonly disposition: Disposition
  /** SA_* bits. */
  readonly flags: number
  readonly mask: bigint
}

export const defaultAction: SignalAction = { disposition: 'default', flags: 0, mask: 0n }

export class SignalActions {
  /** Only those that are not the default. */
  readonly #actions = new Map<number, SignalAction>()
  /** Processes that share it. */
  users = 1

  get(signal: number): SignalAction {
    return this.#actions.get(signal) ?? defaultAction
  }

  set(signal: number, action: SignalAction): void {
    if (action.disposition === 'default' && action.flags === 0) this.#actions.delete(signal)
    else this.#actions.set(signal, action)
  }

  copy(): SignalActions {
    const copy = new SignalActions()
    for (const [signal, action] of this.#actions) copy.#actions.set(signal, action)
    return copy
  }

  /** execve(2) and CLONE_CLEAR_SIGHAND: handlers are gone, what is ignored stays so (CLN-106). */
  withoutHandlers(): SignalActions {
    const copy = new SignalActions()
    for (const [signal, { disposition }] of this.#actions)
      if (disposition === 'ignore') copy.#actions.set(signal, { disposition, flags: 0, mask: 0n })
    return copy
  }

  /** Bits of all signals with a disposition, bit n - 1 for signal n: SigIgn and SigCgt of /proc/PID/status. */
  bits(disposition: Disposition): bigint {
    let bits = 0n
    for (const [signal, action] of this.#actions)
      if (action.disposition === disposition) bits |= 1n << BigInt(signal - 1)
    return bits
  }
}
