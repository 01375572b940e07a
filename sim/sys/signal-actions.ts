// Dispositions, masks and waiting for signals: rt_sigaction, rt_sigprocmask, rt_sigpending, rt_sigtimedwait, rt_sigsuspend,
// pause. sigaction(2), sigprocmask(2), sigwaitinfo(2)

import type { Sigaction } from '../../core/syscall.ts'
import { type Blocked, type Denied, deny, type Outcome, type Reply } from '../outcome.ts'
import type { Disposition } from '../signal/actions.ts'
import { deliver } from '../signal/deliver.ts'
import { encodeInfo } from '../signal/info.ts'
import { bit, isIgnoredByDefault, isKernelOnly, lastSignal, neverBlocked } from '../signal/numbers.ts'
import { dequeue, discard, pendingBits } from '../signal/queue.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { int } from './arguments.ts'

const setBytes = 8
const dispositions: readonly Disposition[] = ['default', 'ignore', 'handler']

const wrongSize = (call: string): Denied => deny('EINVAL', call, `${call}: a set of signals has 8 bytes`)

function setAction(task: Task, signal: number, action: Sigaction | null): number | Denied {
  const call = 'rt_sigaction(2)'
  if (signal < 1 || signal > lastSignal || (action !== null && isKernelOnly(signal)))
    return deny('EINVAL', call, `${call}: ${signal} is no signal whose action can be set`)
  if (action === null) return 0
  const { process } = task
  const disposition = dispositions[Math.min(action.handler, 2)]!
  process.actions.set(signal, { disposition, flags: action.flags ?? 0, mask: action.mask ?? 0n })
  // What waits and would be ignored now is gone. do_sigaction()
  if (disposition === 'ignore' || (disposition === 'default' && isIgnoredByDefault(signal))) {
    discard(process.pending, (other) => other === signal)
    for (const thread of process.tasks) discard(thread.pending, (other) => other === signal)
  }
  return 0
}

/** Replaces the mask; what waited and is free now is delivered. */
function setMask(task: Task, mask: bigint): void {
  task.signalMask = mask & ~neverBlocked
  deliver(task)
}

const how = { block: 0, unblock: 1, set: 2 } as const

function changeMask(task: Task, operation: number, set: bigint | null): Reply {
  const call = 'rt_sigprocmask(2)'
  const { slab } = task.kernel
  const data = slab.take(setBytes)
  slab.view.setBigUint64(slab.base, task.signalMask, true)
  if (set === null) return { value: 0, data }
  if (operation === how.block) setMask(task, task.signalMask | set)
  else if (operation === how.unblock) setMask(task, task.signalMask & ~set)
  else if (operation === how.set) setMask(task, set)
  else return deny('EINVAL', call, `${call}: the operation is none of SIG_BLOCK, SIG_UNBLOCK and SIG_SETMASK`)
  return { value: 0, data }
}

/** Waits with another mask; when a handler has run, the mask is as it was. */
function suspend(task: Task, mask: bigint): Reply {
  const before = task.signalMask
  const ended = (): Outcome => {
    task.signalMask = before
    return deny('EINTR', 'sigsuspend(2)', 'rt_sigsuspend(2): a handler has run')
  }
  task.signalMask = mask & ~neverBlocked
  if (deliver(task)) return ended()
  return { ...endless, interrupted: ended }
}

const endless: Blocked = { queues: [], again: () => undefined, interruptible: true, restarts: false }

/** Takes a signal of a set out of the queue; waits for one. */
function timedWait(task: Task, set: bigint, timeoutNs: bigint | null): Reply {
  const call = 'rt_sigtimedwait(2)'
  if (timeoutNs !== null && timeoutNs < 0n) return deny('EINVAL', call, `${call}: the time is negative`)
  const wanted = set & ~neverBlocked
  const take = (): Outcome | undefined => {
    const info = dequeue(task, (signal) => (wanted & bit(signal)) !== 0n)
    return info && { value: info.signal, data: encodeInfo(info) }
  }
  const late = deny('EAGAIN', call, `${call}: no signal of the set has come in time`)
  const now = take() ?? (timeoutNs === 0n ? late : undefined)
  if (now) return now
  task.awaited = wanted
  const ended = <O extends Outcome | undefined>(outcome: O): O => {
    if (outcome) task.awaited = 0n
    return outcome
  }
  return {
    queues: [task.process.signalChanges],
    again: () => ended(take()),
    interruptible: true,
    restarts: false,
    interrupted: () => ended(deny('EINTR', 'signal(7)', `${call}: a signal that is not in the set has a handler`)),
    ...(timeoutNs !== null && { deadlineNs: task.kernel.clock.nowNs + Number(timeoutNs), timedOut: () => ended(late) }),
  }
}

export const calls: Calls = {
  rt_sigaction: partial('handlers do nothing, and are not told back', (task, { signum, act, sigsetsize }) =>
    int(sigsetsize) === setBytes ? setAction(task, int(signum), act) : wrongSize('rt_sigaction(2)'),
  ),
  rt_sigprocmask: full((task, { how: operation, set, sigsetsize }) =>
    int(sigsetsize) === setBytes ? changeMask(task, int(operation), set) : wrongSize('rt_sigprocmask(2)'),
  ),
  rt_sigpending: full((task, { set }) => {
    if (set > setBytes) return wrongSize('rt_sigpending(2)')
    const data = new Uint8Array(setBytes)
    new DataView(data.buffer).setBigUint64(0, pendingBits(task) & task.signalMask, true)
    return { value: 0, data: data.subarray(0, set) }
  }),
  rt_sigtimedwait: full((task, { set, timeout, sigsetsize }) =>
    int(sigsetsize) === setBytes ? timedWait(task, set, timeout) : wrongSize('rt_sigtimedwait(2)'),
  ),
  rt_sigsuspend: full((task, { mask, sigsetsize }) =>
    int(sigsetsize) === setBytes ? suspend(task, mask) : wrongSize('rt_sigsuspend(2)'),
  ),
  pause: full(() => endless),
  sigaltstack: partial('stacks are not modelled', () => 0),
}
