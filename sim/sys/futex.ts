// futex(2): who waits at an address, and who is woken. The word that lies there is the program's own: it is taken to be the
// one that is waited for.

import type { SyscallOf } from '../../core/syscall.ts'
import type { ProgramImage } from '../life/image.ts'
import { deny, type Outcome, type Reply } from '../outcome.ts'
import { type Calls, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { WaitQueue } from '../wait.ts'
import { int, long } from './arguments.ts'

const FUTEX = { WAIT: 0, WAKE: 1, REQUEUE: 3, CMP_REQUEUE: 4, WAIT_BITSET: 9, WAKE_BITSET: 10 } as const
/** FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME. */
const flags = { private: 128, realtime: 256 } as const
const all = 0xffffffff

interface Sleeper {
  readonly queue: WaitQueue
  readonly bits: number
  woken: boolean
}

/** Of each address space, those that sleep at an address, in the order in which they came. */
const sleepersOf = (image: ProgramImage, address: number): Set<Sleeper> => {
  image.sleepers ??= new Map()
  let there = image.sleepers.get(address)
  if (there === undefined) {
    there = new Set<Sleeper>()
    image.sleepers.set(address, there)
  }
  return there as Set<Sleeper>
}

function wait(task: Task, address: number, bits: number, deadlineNs: number | undefined): Reply {
  const { image } = task.process
  const sleeper: Sleeper = { queue: new WaitQueue(), bits, woken: false }
  const there = sleepersOf(image, address)
  const leave = (outcome: Outcome): Outcome => {
    there.delete(sleeper)
    return outcome
  }
  there.add(sleeper)
  return {
    queues: [sleeper.queue],
    again: () => (sleeper.woken ? { value: 0 } : undefined),
    ...(deadlineNs !== undefined && {
      deadlineNs,
      timedOut: () => leave(deny('ETIMEDOUT', 'futex(2)', 'futex(2): nobody has woken it in time')),
    }),
    interruptible: true,
    interrupted: () => leave(deny('EINTR', 'futex(2)', 'futex(2): a signal came while it waited')),
  }
}

/** Wakes the longest sleepers, so many at most. */
export function wakeFutex(image: ProgramImage, address: number, most: number, bits = all): number {
  const there = image.sleepers?.get(address) as Set<Sleeper> | undefined
  let count = 0
  for (const sleeper of there ?? []) {
    if (count >= most) break
    if ((sleeper.bits & bits) === 0) continue
    there!.delete(sleeper)
    sleeper.woken = true
    sleeper.queue.wake()
    count += 1
  }
  return count
}

function futex(task: Task, call: SyscallOf<'futex'>): Reply {
  const operation = int(call.futex_op)
  const command = operation & 127
  const address = long(call.uaddr)
  const { image } = task.process
  const { clock, config } = task.kernel
  if (address % 4 !== 0) return deny('EINVAL', 'futex(2)', 'futex(2): the address is no multiple of four')
  switch (command) {
    case FUTEX.WAIT:
    case FUTEX.WAIT_BITSET: {
      const bits = command === FUTEX.WAIT ? all : int(call.val3)
      if (bits === 0) return deny('EINVAL', 'futex(2)', 'futex(2): no bit is waited for')
      if (call.timeout === null) return wait(task, address, bits, undefined)
      if (call.timeout < 0n) return deny('EINVAL', 'futex(2)', 'futex(2): the time is negative')
      const time = Number(call.timeout)
      if (command === FUTEX.WAIT) return wait(task, address, bits, clock.nowNs + time)
      // An absolute time: of the wall clock, or since the machine was switched on.
      const base = operation & flags.realtime ? config.bootSeconds * 1e9 : task.namespaces.time.monotonicOffsetNs
      return wait(task, address, bits, Math.max(clock.nowNs, time - base))
    }
    case FUTEX.WAKE:
      return wakeFutex(image, address, Math.max(1, int(call.val)))
    case FUTEX.WAKE_BITSET:
      return wakeFutex(image, address, Math.max(1, int(call.val)), int(call.val3))
    default:
      return deny('ENOSYS', 'futex(2)', 'futex(2): of its operations there are FUTEX_WAIT and FUTEX_WAKE')
  }
}

export const calls = {
  futex: partial('words are the own memory of programs, and taken to have the value that is waited for', futex),
} satisfies Calls
