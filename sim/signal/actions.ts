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

const nothing: ReadonlyMap<number, SignalAction> = new Map()

export class SignalActions {
  /** Only those that are not the default. Replaced as a whole, so that copies share it. */
  #actions: ReadonlyMap<number, SignalAction> = nothing
  /** Processes that share it. */
  users = 1

  get(signal: number): SignalAction {
    return this.#actions.get(signal) ?? defaultAction
  }

  set(signal: number, action: SignalAction): void {
    const actions = new Map(this.#actions)
    if (action.disposition === 'default' && action.flags === 0) actions.delete(signal)
    else actions.set(signal, action)
    this.#actions = actions
  }

  copy(): SignalActions {
    const copy = new SignalActions()
    copy.#actions = this.#actions
    return copy
  }

  /** execve(2) and CLONE_CLEAR_SIGHAND: handlers are gone, what is ignored stays so (CLN-106). */
  withoutHandlers(): SignalActions {
    const copy = new SignalActions()
    for (const [signal, { disposition }] of this.#actions)
      if (disposition === 'ignore') copy.set(signal, { disposition, flags: 0, mask: 0n })
    return copy
  }

  /** Bits of all signals with a disposition, bit n - 1 for signal n: SigIgn and SigCgt of /proc/PID/status. */
  bits(disposition: Disposition): bigint {
    let bits = 0n
    for (const [signal, action] of this.#actions)
      if (action.disposition === disposition) bits |= 1n << BigInt(signal - 1)
    return bits
  }

  /** For the digest. */
  hidden(): object {
    return { actions: this.#actions }
  }
}
