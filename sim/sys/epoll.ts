// epoll_create1, epoll_ctl, epoll_wait. epoll_ctl(2), epoll_wait(2)

import { type Blocked, type Denied, deny, isDenied, type Outcome, type Reply } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { EPOLLEXCLUSIVE, EpollFile, type Report } from '../vfs/epoll.ts'
import { O } from '../vfs/flags.ts'
import { fdNumber, fileOf, int } from './arguments.ts'
import { newDescriptor } from './new-descriptor.ts'

const CTL = { ADD: 1, DEL: 2, MOD: 3 } as const
/** struct epoll_event of x86-64, which is packed. */
const eventBytes = 12
const nestingMax = 5

const create = (task: Task, flags: number) => newDescriptor(task, '[eventpoll]', flags | O.RDWR, () => new EpollFile())

function readEvent(event: Uint8Array): Report {
  const view = new DataView(event.buffer, event.byteOffset, event.byteLength)
  return { events: view.getUint32(0, true), data: view.getBigUint64(4, true) }
}

function control(task: Task, epfd: number, op: number, fd: number, event: Uint8Array | null): number | Denied {
  const call = 'epoll_ctl(2)'
  const no = (errno: 'EFAULT' | 'EPERM' | 'EINVAL' | 'EEXIST' | 'ENOENT' | 'ELOOP', why: string) =>
    deny(errno, call, `${call}: ${why}`)
  if (op !== CTL.DEL && (event === null || event.length < eventBytes)) return no('EFAULT', 'the event is no pointer')
  const file = fileOf(task, epfd, call)
  if (isDenied(file)) return file
  const target = fileOf(task, fd, call)
  if (isDenied(target)) return target
  if (target.operations?.poll === undefined) return no('EPERM', 'this kind of file is never waited for')
  const epoll = file.operations
  if (file === target || !(epoll instanceof EpollFile)) return no('EINVAL', 'it is no epoll instance, or the same one')
  const known = epoll.find(target, fd)
  const report = op === CTL.DEL ? undefined : readEvent(event!)
  if (report && report.events & EPOLLEXCLUSIVE && (op === CTL.MOD || target.operations instanceof EpollFile))
    return no('EINVAL', 'EPOLLEXCLUSIVE is for what is added, and no epoll instance')
  switch (op) {
    case CTL.ADD:
      if (target.operations instanceof EpollFile && tooDeep(target.operations, epoll, 1))
        return no('ELOOP', 'epoll instances would watch each other in a circle, or too many deep')
      if (known) return no('EEXIST', 'the descriptor is in the list already')
      epoll.add(task, fd, target, report!)
      return 0
    case CTL.MOD:
      if (!known) return no('ENOENT', 'the descriptor is not in the list')
      epoll.change(task, known, report!)
      return 0
    case CTL.DEL:
      if (!known) return no('ENOENT', 'the descriptor is not in the list')
      epoll.remove(known)
      return 0
    default:
      return no('EINVAL', 'there is no such operation')
  }
}

function tooDeep(inner: EpollFile, outer: EpollFile, depth: number): boolean {
  if (inner === outer || depth >= nestingMax) return true
  for (const { operations } of inner.files())
    if (operations instanceof EpollFile && tooDeep(operations, outer, depth + 1)) return true
  return false
}

function wait(task: Task, epfd: number, most: number, timeout: number): Reply {
  const call = 'epoll_wait(2)'
  const tooFew = () => deny('EINVAL', call, `${call}: there is room for no event`)
  if (most <= 0 && !task.kernel.since(6, 15)) return tooFew()
  const file = fileOf(task, epfd, call)
  if (isDenied(file)) return file
  if (most <= 0) return tooFew()
  const epoll = file.operations
  if (!(epoll instanceof EpollFile)) return deny('EINVAL', call, `${call}: it is no epoll instance`)
  const again = (): Outcome | undefined => {
    const reports = epoll.collect(task, most)
    return reports.length === 0 ? undefined : { value: reports.length, data: encode(reports) }
  }
  const ready = again()
  if (ready) return ready
  if (timeout === 0) return 0
  const deadline = timeout < 0 ? {} : { deadlineNs: task.kernel.clock.nowNs + timeout * 1e6 }
  const blocked: Blocked = {
    ...{ queues: [epoll.changes], again, interruptible: true, restarts: false as const },
    ...deadline,
    timedOut: () => again() ?? { value: 0 },
  }
  return blocked
}

function encode(reports: readonly Report[]): Uint8Array {
  const data = new Uint8Array(eventBytes * reports.length)
  const view = new DataView(data.buffer)
  for (const [index, { events, data: own }] of reports.entries()) {
    view.setUint32(eventBytes * index, events, true)
    view.setBigUint64(eventBytes * index + 4, own, true)
  }
  return data
}

export const calls: Calls = {
  epoll_create: full((task, { size }) =>
    int(size) > 0 ? create(task, 0) : deny('EINVAL', 'epoll_create(2)', 'epoll_create(2): the size is not above 0'),
  ),
  epoll_create1: full((task, { flags }) =>
    int(flags) & ~O.CLOEXEC
      ? deny('EINVAL', 'epoll_create(2)', 'epoll_create(2): EPOLL_CLOEXEC is the only flag')
      : create(task, int(flags)),
  ),
  epoll_ctl: full((task, { epfd, op, fd, event }) => control(task, fdNumber(epfd), int(op), fdNumber(fd), event)),
  epoll_wait: full((task, { epfd, maxevents, timeout }) => wait(task, fdNumber(epfd), int(maxevents), int(timeout))),
  epoll_pwait: partial('no signal mask', (task, { epfd, maxevents, timeout }) =>
    wait(task, fdNumber(epfd), int(maxevents), int(timeout)),
  ),
}
