// eventfd, timerfd, signalfd, inotify: descriptors that tell of something. eventfd(2), timerfd_create(2), signalfd(2),
// inotify(7)

import { capable } from '../credentials.ts'
import { type Denied, deny, isDenied, type Outcome } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { EventFile } from '../vfs/eventfd.ts'
import { O } from '../vfs/flags.ts'
import { InotifyFile } from '../vfs/inotify.ts'
import { IN } from '../vfs/notify.ts'
import { checkPermission, mayRead } from '../vfs/permission.ts'
import { SignalFile } from '../vfs/signalfd.ts'
import { TimerFile } from '../vfs/timerfd.ts'
import { AT_FDCWD, walk } from '../vfs/walk.ts'
import { fdNumber, fileOf, int, uint } from './arguments.ts'
import { newDescriptor } from './new-descriptor.ts'

const EFD_SEMAPHORE = 1

function eventfd(task: Task, initial: number, flags: number): number | Denied {
  if (flags & ~(EFD_SEMAPHORE | O.CLOEXEC | O.NONBLOCK))
    return deny('EINVAL', 'eventfd(2)', 'eventfd(2): there are unknown flags')
  const semaphore = (flags & EFD_SEMAPHORE) !== 0
  return newDescriptor(
    task,
    '[eventfd]',
    (flags & ~EFD_SEMAPHORE) | O.RDWR,
    (file) => new EventFile(file, initial, semaphore),
  )
}

const clocks = { REALTIME: 0, MONOTONIC: 1, BOOTTIME: 7, REALTIME_ALARM: 8, BOOTTIME_ALARM: 9 } as const
const TIMER_ABSTIME = 1
const CANCEL_ON_SET = 2

function timerfd(task: Task, clockId: number, flags: number): number | Denied {
  const call = 'timerfd_create(2)'
  if (flags & ~(O.CLOEXEC | O.NONBLOCK)) return deny('EINVAL', call, `${call}: there are unknown flags`)
  if (!(Object.values(clocks) as number[]).includes(clockId))
    return deny('EINVAL', call, `${call}: the clock has no timers`)
  const alarm = clockId === clocks.REALTIME_ALARM || clockId === clocks.BOOTTIME_ALARM
  if (alarm && !capable(task.credentials, 'WAKE_ALARM', task.kernel.initial.user))
    return deny('EPERM', call, `${call}: an alarm needs CAP_WAKE_ALARM`)
  return newDescriptor(task, '[timerfd]', flags | O.RDWR, (file) => new TimerFile(task.kernel, file, clockId))
}

function timerOf(task: Task, fd: number, call: string): TimerFile | Denied {
  const file = fileOf(task, fd, call)
  if (isDenied(file)) return file
  if (file.operations instanceof TimerFile) return file.operations
  return deny('EINVAL', call, `${call}: it is no timer`)
}

function setTimer(task: Task, fd: number, flags: number, wanted: Uint8Array): Outcome {
  const call = 'timerfd_settime(2)'
  if (flags & ~(TIMER_ABSTIME | CANCEL_ON_SET)) return deny('EINVAL', call, `${call}: there are unknown flags`)
  if (wanted.length < 32) return deny('EFAULT', call, `${call}: the times are not all there`)
  const view = new DataView(wanted.buffer, wanted.byteOffset, 32)
  const [intervalS, intervalNs, valueS, valueNs] = [0, 8, 16, 24].map((at) => Number(view.getBigInt64(at, true)))
  const valid = (seconds: number, ns: number) => seconds >= 0 && ns >= 0 && ns < 1e9
  if (!valid(intervalS!, intervalNs!) || !valid(valueS!, valueNs!))
    return deny('EINVAL', call, `${call}: a time is negative, or has too many nanoseconds`)
  const timer = timerOf(task, fd, call)
  if (isDenied(timer)) return timer
  const data = timerBytes(timer)
  const value = valueS! * 1e9 + valueNs!
  const { nowNs } = task.kernel.clock
  let due: number | undefined
  if (value > 0) due = flags & TIMER_ABSTIME ? virtualTime(task, timer.clockId, valueS!, valueNs!) : nowNs + value
  timer.set(due, intervalS! * 1e9 + intervalNs!)
  return { value: 0, data }
}

/** A time of a clock of the task's, as the machine's own. time_namespaces(7) */
function virtualTime(task: Task, clockId: number, seconds: number, nanoseconds: number): number {
  const { time } = task.namespaces
  if (clockId === clocks.MONOTONIC) return seconds * 1e9 + nanoseconds - time.monotonicOffsetNs
  if (clockId === clocks.BOOTTIME || clockId === clocks.BOOTTIME_ALARM)
    return seconds * 1e9 + nanoseconds - time.boottimeOffsetNs
  return (seconds - task.kernel.clock.bootSeconds) * 1e9 + nanoseconds
}

/** struct itimerspec: the interval, then what is left. */
function timerBytes(timer: TimerFile): Uint8Array {
  const [left, interval] = timer.get()
  const data = new Uint8Array(32)
  const view = new DataView(data.buffer)
  view.setBigInt64(0, BigInt(Math.floor(interval / 1e9)), true)
  view.setBigInt64(8, BigInt(interval % 1e9), true)
  view.setBigInt64(16, BigInt(Math.floor(left / 1e9)), true)
  view.setBigInt64(24, BigInt(left % 1e9), true)
  return data
}

function inotify(task: Task, flags: number): number | Denied {
  if (flags & ~(O.CLOEXEC | O.NONBLOCK))
    return deny('EINVAL', 'inotify_init(2)', 'inotify_init(2): there are unknown flags')
  return newDescriptor(task, 'inotify', flags, (file) => new InotifyFile(file))
}

const events = 0xfff
const flagsOfAWatch = IN.ONLYDIR | IN.DONT_FOLLOW | IN.EXCL_UNLINK | IN.MASK_CREATE | IN.MASK_ADD | IN.ONESHOT

function addWatch(task: Task, fd: number, pathname: string | null, mask: number): number | Denied {
  const call = 'inotify_add_watch(2)'
  const no = (errno: 'EINVAL' | 'EEXIST' | 'ENOTDIR', why: string) => deny(errno, call, `${call}: ${why}`)
  if (!(mask & (events | flagsOfAWatch))) return no('EINVAL', 'the mask has no event')
  const file = fileOf(task, fd, call)
  if (isDenied(file)) return file
  if (mask & IN.MASK_ADD && mask & IN.MASK_CREATE)
    return no('EINVAL', 'IN_MASK_ADD and IN_MASK_CREATE exclude each other')
  const instance = file.operations
  if (!(instance instanceof InotifyFile)) return no('EINVAL', 'it is no inotify instance')
  const path = walk(task, AT_FDCWD, pathname, { follow: !(mask & IN.DONT_FOLLOW), call })
  if (isDenied(path)) return path
  const { inode } = path.dentry
  if (mask & IN.ONLYDIR && inode.kind !== 'directory') return no('ENOTDIR', 'IN_ONLYDIR, and it is not a directory')
  const refusal = checkPermission(task.credentials, path.mount, inode, mayRead, call)
  if (refusal) return refusal
  const known = instance.watchOf(inode)
  if (known === undefined) return instance.add(inode, mask).descriptor
  if (mask & IN.MASK_CREATE) return no('EEXIST', 'IN_MASK_CREATE, and there is a watch')
  known.mask = mask & IN.MASK_ADD ? known.mask | mask : mask
  return known.descriptor
}

function removeWatch(task: Task, fd: number, descriptor: number): number | Denied {
  const call = 'inotify_rm_watch(2)'
  const file = fileOf(task, fd, call)
  if (isDenied(file)) return file
  const instance = file.operations
  const watch = instance instanceof InotifyFile ? instance.find(descriptor) : undefined
  if (!(instance instanceof InotifyFile) || !watch)
    return deny('EINVAL', call, `${call}: it is no inotify instance, or has no such watch`)
  instance.remove(watch)
  return 0
}

const sigkillAndStop = (1n << 8n) | (1n << 18n)

function signalfd(task: Task, fd: number, mask: bigint, size: number, flags: number): number | Denied {
  const call = 'signalfd(2)'
  if (size !== 8) return deny('EINVAL', call, `${call}: a set of signals has 8 bytes`)
  if (flags & ~(O.CLOEXEC | O.NONBLOCK)) return deny('EINVAL', call, `${call}: there are unknown flags`)
  const wanted = mask & ~sigkillAndStop
  if (fd === -1) return newDescriptor(task, '[signalfd]', flags | O.RDWR, (file) => new SignalFile(file, wanted))
  const file = fileOf(task, fd, call)
  if (isDenied(file)) return file
  if (!(file.operations instanceof SignalFile)) return deny('EINVAL', call, `${call}: it is no signalfd`)
  file.operations.mask = wanted
  task.process.signalChanges.wake()
  return fd
}

export const calls: Calls = {
  eventfd: full((task, { initval }) => eventfd(task, uint(initval), 0)),
  eventfd2: full((task, { initval, flags }) => eventfd(task, uint(initval), int(flags))),
  timerfd_create: full((task, { clockid, flags }) => timerfd(task, int(clockid), int(flags))),
  timerfd_settime: partial('the wall clock is never set, so nothing is cancelled by it', (task, call) =>
    setTimer(task, fdNumber(call.fd), int(call.flags), call.new_value),
  ),
  timerfd_gettime: full((task, { fd }) => {
    const timer = timerOf(task, fdNumber(fd), 'timerfd_gettime(2)')
    return isDenied(timer) ? timer : { value: 0, data: timerBytes(timer) }
  }),
  signalfd4: full((task, { fd, mask, sizemask, flags }) =>
    signalfd(task, fdNumber(fd), mask, int(sizemask), int(flags)),
  ),
  inotify_init: full((task) => inotify(task, 0)),
  inotify_init1: full((task, { flags }) => inotify(task, int(flags))),
  inotify_add_watch: full((task, { fd, pathname, mask }) => addWatch(task, fdNumber(fd), pathname, uint(mask))),
  inotify_rm_watch: full((task, { fd, wd }) => removeWatch(task, fdNumber(fd), int(wd))),
}
