// poll, ppoll, select, pselect6: waiting for one of several descriptors. poll(2), select(2)

import type { PollFd } from '../../core/syscall.ts'
import { type Blocked, type Denied, deny, isDenied, type Outcome, type Reply } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import type { OpenFile } from '../vfs/file.ts'
import { O } from '../vfs/flags.ts'
import { POLLERR, POLLHUP, POLLNVAL, POLLPRI, readable, writable } from '../vfs/poll-events.ts'
import type { WaitQueue } from '../wait.ts'
import { descriptorsMax, int } from './arguments.ts'

/** What a file without a say is: ready for everything. DEFAULT_POLLMASK */
const always = { events: readable | writable, queues: [] as readonly WaitQueue[] }

const openFile = (task: Task, fd: number): OpenFile | undefined => {
  const file = task.files.get(fd)?.file
  return file === undefined || file.flags & O.PATH ? undefined : file
}

const stateOf = (task: Task, file: OpenFile) => file.operations?.poll?.(task) ?? always

/** Asks now, and again whenever one of the queues is woken, until the deadline. */
function waitFor(
  task: Task,
  ask: () => { readonly outcome: Outcome; readonly ready: boolean; readonly queues: readonly WaitQueue[] },
  timeoutNs: number | undefined,
): Reply {
  const first = ask()
  if (first.ready || timeoutNs === 0) return first.outcome
  const again = () => {
    const { ready, outcome } = ask()
    return ready ? outcome : undefined
  }
  const deadline = timeoutNs === undefined ? {} : { deadlineNs: task.kernel.clock.nowNs + timeoutNs }
  const blocked: Blocked = {
    queues: [...new Set(first.queues)],
    again,
    interruptible: true,
    restarts: false,
    ...deadline,
    timedOut: () => ask().outcome,
  }
  return blocked
}

function poll(task: Task, fds: readonly PollFd[], timeoutNs: number | undefined): Reply {
  if (fds.length > descriptorsMax(task)) return deny('EINVAL', 'poll(2)', 'poll(2): more entries than RLIMIT_NOFILE')
  const files = fds.map(({ fd }) => openFile(task, fd))
  const ask = () => {
    const data = new Uint8Array(8 * fds.length)
    const view = new DataView(data.buffer)
    const queues: WaitQueue[] = []
    let count = 0
    for (const [index, { fd, events }] of fds.entries()) {
      let found = 0
      const file = files[index]
      if (fd >= 0) {
        if (file === undefined) found = POLLNVAL
        else {
          const state = stateOf(task, file)
          found = state.events & (events | POLLERR | POLLHUP)
          queues.push(...state.queues)
        }
      }
      if (found !== 0) count += 1
      view.setInt32(8 * index, fd, true)
      view.setInt16(8 * index + 4, events, true)
      view.setInt16(8 * index + 6, found, true)
    }
    return { outcome: { value: count, data }, ready: count > 0, queues }
  }
  return waitFor(task, ask, timeoutNs)
}

type Sets = readonly (Uint8Array | null)[]
/** What makes a descriptor ready in each of the three sets. fs/select.c */
const wanted = [readable | POLLHUP | POLLERR, writable | POLLERR, POLLPRI] as const

function select(task: Task, count: number, sets: Sets, timeoutNs: number | undefined): Reply {
  const call = 'select(2)'
  if (count < 0) return deny('EINVAL', call, `${call}: the number of descriptors is negative`)
  const isIn = (set: Uint8Array | null, fd: number) => set !== null && ((set[fd >> 3] ?? 0) & (1 << (fd & 7))) !== 0
  const files: [number, OpenFile | undefined][] = []
  // Sets say nothing of descriptors behind their end.
  const last = Math.min(count, 8 * Math.max(...sets.map((set) => set?.length ?? 0)))
  for (let fd = 0; fd < last; fd++) {
    if (!sets.some((set) => isIn(set, fd))) continue
    if (task.files.get(fd) === undefined) return deny('EBADF', call, `${call}: descriptor ${fd} is not open`)
    files.push([fd, openFile(task, fd)])
  }
  const ask = () => {
    const found = sets.map((set) => (set === null ? null : new Uint8Array(set.length)))
    const queues: WaitQueue[] = []
    let ready = 0
    for (const [fd, file] of files) {
      // One that stands for a path alone (O_PATH) is ready for whatever is asked. EPOLLNVAL in fs/select.c
      const state = file ? stateOf(task, file) : { events: POLLNVAL, queues: [] }
      queues.push(...state.queues)
      for (const [index, mask] of wanted.entries()) {
        if (!isIn(sets[index]!, fd) || !(state.events & (mask | POLLNVAL))) continue
        found[index]![fd >> 3]! |= 1 << (fd & 7)
        ready += 1
      }
    }
    const data = found.find((set) => set !== null)
    return { outcome: data ? { value: ready, data } : { value: ready }, ready: ready > 0, queues }
  }
  return waitFor(task, ask, timeoutNs)
}

/** Negative is for ever. */
const ofMilliseconds = (timeout: number): number | undefined => (timeout < 0 ? undefined : timeout * 1e6)

function ofTimespec(time: bigint | null, call: string): number | undefined | Denied {
  if (time !== null && time < 0n) return deny('EINVAL', call, `${call}: the time is negative`)
  return time === null ? undefined : Number(time)
}

/** struct timeval. */
function ofTimeval(time: Uint8Array | null): number | undefined | Denied {
  if (time === null) return undefined
  const view = new DataView(time.buffer, time.byteOffset, 16)
  const [seconds, microseconds] = [Number(view.getBigInt64(0, true)), Number(view.getBigInt64(8, true))]
  if (seconds < 0 || microseconds < 0) return deny('EINVAL', 'select(2)', 'select(2): the time is negative')
  return seconds * 1e9 + microseconds * 1e3
}

const oneSet = 'the answer holds the first of the sets alone; no signal mask'

export const calls: Calls = {
  poll: full((task, { fds, timeout }) => poll(task, fds, ofMilliseconds(int(timeout)))),
  ppoll: partial('no signal mask', (task, { fds, tmo_p }) => {
    const timeout = ofTimespec(tmo_p, 'ppoll(2)')
    return isDenied(timeout) ? timeout : poll(task, fds, timeout)
  }),
  select: partial(oneSet, (task, { nfds, readfds, writefds, exceptfds, timeout }) => {
    const time = ofTimeval(timeout)
    return isDenied(time) ? time : select(task, int(nfds), [readfds, writefds, exceptfds], time)
  }),
  pselect6: partial(oneSet, (task, { nfds, readfds, writefds, exceptfds, timeout }) => {
    const time = ofTimespec(timeout, 'select(2)')
    return isDenied(time) ? time : select(task, int(nfds), [readfds, writefds, exceptfds], time)
  }),
}
