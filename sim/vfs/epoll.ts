// epoll: an interest list, and those of it that may have become ready. epoll(7)

import { deny, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import { type Waiter, WaitQueue } from '../wait.ts'
import { type FileEnd, type FileOperations, type OpenFile, staysAtZero } from './file.ts'
import { POLLERR, POLLHUP, POLLIN, POLLRDNORM } from './poll-events.ts'

export const EPOLLEXCLUSIVE = 2 ** 28
export const EPOLLONESHOT = 2 ** 30
export const EPOLLET = 2 ** 31
/** Bits that are about the watching, not about events. */
const privateBits = 0xf0000000

export interface Report {
  readonly events: number
  readonly data: bigint
}

/** One entry of the interest list: a descriptor's number and what it stood for. */
export class Interest implements Waiter, FileEnd {
  readonly epoll: EpollFile
  readonly fd: number
  readonly file: OpenFile
  readonly queues: readonly WaitQueue[]
  events: number
  data: bigint

  constructor(epoll: EpollFile, fd: number, file: OpenFile, report: Report, queues: readonly WaitQueue[]) {
    this.epoll = epoll
    this.fd = fd
    this.file = file
    this.events = report.events
    this.data = report.data
    this.queues = queues
    for (const queue of queues) queue.add(this)
    file.tellAtEnd(this)
  }

  woken(): void {
    this.epoll.mayBeReady(this)
  }

  ended(): void {
    this.epoll.remove(this)
  }

  /** What holds now of what is asked for. */
  now(task: Task): number {
    const mask = (this.events & ~privateBits) | (this.events & ~privateBits ? POLLERR | POLLHUP : 0)
    return (this.file.operations?.poll?.(task).events ?? 0) & mask
  }
}

export class EpollFile implements FileOperations {
  readonly seekable = false
  readonly seek = staysAtZero
  readonly #interests = new Map<OpenFile, Map<number, Interest>>()
  /** In the order in which they were woken; asked again before they are reported. */
  readonly #ready = new Set<Interest>()
  readonly changes = new WaitQueue()

  ioctl(task: Task): Reply {
    if (task.kernel.since(6, 9)) return deny('EINVAL', 'ioctl(2)', 'ioctl(2): epoll knows no such request')
    return deny('ENOTTY', 'ioctl(2)', 'ioctl(2): the file knows no such request')
  }

  find(file: OpenFile, fd: number): Interest | undefined {
    return this.#interests.get(file)?.get(fd)
  }

  add(task: Task, fd: number, file: OpenFile, report: Report): void {
    const { queues } = file.operations!.poll!(task)
    const interest = new Interest(this, fd, file, report, queues)
    const byFd = this.#interests.get(file) ?? new Map<number, Interest>()
    this.#interests.set(file, byFd.set(fd, interest))
    this.#check(task, interest)
  }

  change(task: Task, interest: Interest, report: Report): void {
    interest.events = report.events
    interest.data = report.data
    this.#check(task, interest)
  }

  remove(interest: Interest): void {
    for (const queue of interest.queues) queue.remove(interest)
    interest.file.atEnd?.delete(interest)
    this.#ready.delete(interest)
    const byFd = this.#interests.get(interest.file)
    byFd?.delete(interest.fd)
    if (byFd?.size === 0) this.#interests.delete(interest.file)
  }

  mayBeReady(interest: Interest): void {
    if (!(interest.events & ~privateBits)) return
    this.#ready.add(interest)
    this.changes.wake()
  }

  #check(task: Task, interest: Interest): void {
    if (interest.now(task) !== 0) this.mayBeReady(interest)
  }

  /** Up to so many that are ready. Level-triggered ones stay on the list, behind the others. */
  collect(task: Task, most: number): readonly Report[] {
    const reports: Report[] = []
    for (const interest of [...this.#ready]) {
      if (reports.length === most) break
      this.#ready.delete(interest)
      const events = interest.now(task)
      if (events === 0) continue
      reports.push({ events, data: interest.data })
      if (interest.events & EPOLLONESHOT) interest.events &= privateBits
      else if (!(interest.events & EPOLLET)) this.#ready.add(interest)
    }
    return reports
  }

  /** Files in it, for the search of circles. */
  files(): Iterable<OpenFile> {
    return this.#interests.keys()
  }

  poll(task: Task) {
    let events = 0
    for (const interest of this.#ready) {
      if (interest.now(task) === 0) this.#ready.delete(interest)
      else {
        events = POLLIN | POLLRDNORM
        break
      }
    }
    return { events, queues: [this.changes] }
  }

  release(): void {
    for (const byFd of [...this.#interests.values()]) for (const interest of [...byFd.values()]) this.remove(interest)
  }

  /** For the digest. */
  hidden(): object {
    return { interests: this.#interests, ready: this.#ready }
  }
}
