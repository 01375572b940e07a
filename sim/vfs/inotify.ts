// inotify: what happened to watched files, as events to be read. inotify(7)

import { type Blocked, deny, type Outcome, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import { WaitQueue } from '../wait.ts'
import { type FileOperations, type OpenFile, staysAtZero } from './file.ts'
import { O } from './flags.ts'
import type { Inode } from './inode.ts'
import { IN, type Watcher } from './notify.ts'
import { readable } from './poll-events.ts'
import { encode } from './utf8.ts'

/** fs.inotify.max_queued_events */
const eventsMax = 16_384
const allEvents = 0xfff

interface Event {
  readonly descriptor: number
  readonly mask: number
  readonly cookie: number
  readonly name: string | undefined
}

export class InotifyFile implements FileOperations {
  readonly seekable = false
  readonly seek = staysAtZero
  readonly #file: OpenFile
  readonly #events: Event[] = []
  readonly #changes = new WaitQueue()
  readonly #watches = new Map<number, Watch>()
  readonly #byInode = new Map<Inode, Watch>()
  #last = 0

  constructor(file: OpenFile) {
    this.#file = file
  }

  watchOf(inode: Inode): Watch | undefined {
    return this.#byInode.get(inode)
  }

  find(descriptor: number): Watch | undefined {
    return this.#watches.get(descriptor)
  }

  add(inode: Inode, mask: number): Watch {
    const watch = new Watch(this, inode, ++this.#last, mask)
    this.#watches.set(watch.descriptor, watch)
    this.#byInode.set(inode, watch)
    inode.watchers ??= new Set()
    inode.watchers.add(watch)
    return watch
  }

  /** The watch ends; the reader is told. */
  remove(watch: Watch): void {
    this.#forget(watch)
    this.put({ descriptor: watch.descriptor, mask: IN.IGNORED, cookie: 0, name: undefined })
  }

  #forget(watch: Watch): void {
    this.#watches.delete(watch.descriptor)
    this.#byInode.delete(watch.inode)
    watch.inode.watchers?.delete(watch)
    if (watch.inode.watchers?.size === 0) watch.inode.watchers = undefined
  }

  /** An event that is like the last one is dropped. */
  put(event: Event): void {
    const last = this.#events.at(-1)
    if (last && same(last, event)) return
    if (this.#events.length > eventsMax) return
    const full = this.#events.length === eventsMax
    this.#events.push(full ? { descriptor: -1, mask: IN.Q_OVERFLOW, cookie: 0, name: undefined } : event)
    this.#changes.wake()
  }

  read(_task: Task, room: number): Reply {
    const ready = this.#take(room)
    if (ready) return ready
    if (this.#file.flags & O.NONBLOCK) return deny('EAGAIN', 'inotify(7)', 'inotify(7): there is no event')
    const blocked: Blocked = { queues: [this.#changes], again: () => this.#take(room), interruptible: true }
    return blocked
  }

  #take(room: number): Outcome | undefined {
    const parts: Uint8Array[] = []
    let used = 0
    while (this.#events.length > 0) {
      const bytes = encodeEvent(this.#events[0]!)
      if (used + bytes.length > room) break
      this.#events.shift()
      parts.push(bytes)
      used += bytes.length
    }
    if (parts.length === 0)
      return this.#events.length === 0
        ? undefined
        : deny('EINVAL', 'inotify(7)', 'inotify(7): the buffer is too small for the next event')
    const data = new Uint8Array(used)
    let at = 0
    for (const part of parts) {
      data.set(part, at)
      at += part.length
    }
    return { value: used, data }
  }

  /** FIONREAD: how much a read would give. */
  ioctl(_task: Task, request: number): Reply {
    if (request !== 0x541b) return deny('ENOTTY', 'ioctl(2)', 'ioctl(2): inotify knows no such request')
    const bytes = this.#events.reduce((sum, event) => sum + encodeEvent(event).length, 0)
    const data = new Uint8Array(4)
    new DataView(data.buffer).setInt32(0, bytes, true)
    return { value: 0, data }
  }

  poll() {
    return { events: this.#events.length > 0 ? readable : 0, queues: [this.#changes] }
  }

  release(): void {
    for (const watch of [...this.#watches.values()]) this.#forget(watch)
  }

  /** For the digest. */
  hidden(): object {
    return { events: this.#events, changes: this.#changes, watches: this.#watches, last: this.#last }
  }
}

export class Watch implements Watcher {
  readonly inotify: InotifyFile
  readonly inode: Inode
  readonly descriptor: number
  mask: number

  constructor(inotify: InotifyFile, inode: Inode, descriptor: number, mask: number) {
    this.inotify = inotify
    this.inode = inode
    this.descriptor = descriptor
    this.mask = mask
  }

  happened(mask: number, name: string | undefined, cookie: number): void {
    if (!(mask & this.mask & allEvents)) return
    this.inotify.put({ descriptor: this.descriptor, mask, cookie, name })
    if (this.mask & IN.ONESHOT) this.inotify.remove(this)
  }

  gone(): void {
    this.inotify.remove(this)
  }
}

const same = (a: Event, b: Event): boolean =>
  a.descriptor === b.descriptor && a.mask === b.mask && a.cookie === b.cookie && a.name === b.name

/** struct inotify_event; the name is padded to 16 bytes. */
function encodeEvent({ descriptor, mask, cookie, name }: Event): Uint8Array {
  const text = name === undefined ? undefined : encode(name)
  const nameBytes = text === undefined ? 0 : (text.length + 1 + 15) & ~15
  const bytes = new Uint8Array(16 + nameBytes)
  const view = new DataView(bytes.buffer)
  view.setInt32(0, descriptor, true)
  view.setUint32(4, mask, true)
  view.setUint32(8, cookie, true)
  view.setUint32(12, nameBytes, true)
  if (text) bytes.set(text, 16)
  return bytes
}
