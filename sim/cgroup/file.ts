// A file of a cgroup: read as a whole text, written as one, with rights of the moment when it was opened. kernfs in Linux

import { type Denied, deny, isBlocked, isDenied, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { FileOperations, OpenFile } from '../vfs/file.ts'
import { Inode } from '../vfs/inode.ts'
import { IN, notifyEntry, notifyInode } from '../vfs/notify.ts'
import { POLLERR, POLLPRI, readable, writable } from '../vfs/poll-events.ts'
import { decode, encode } from '../vfs/utf8.ts'
import { WaitQueue } from '../wait.ts'
import type { Held } from './cgroup.ts'
import type { At, CgroupFile, Opened } from './controller.ts'
import { type CgroupDirectory, isThere } from './directory.ts'

const writeBytesMax = 4096

const modeOf = ({ mode, read, write }: CgroupFile<unknown>): number => mode ?? (read ? 0o444 : 0) | (write ? 0o200 : 0)

export class CgroupFileInode extends Inode {
  readonly directory: CgroupDirectory
  readonly file: CgroupFile<unknown>
  /** What the controller kept when the file appeared: disabling it ends the file for good. */
  readonly held: Held | undefined
  readonly changes = new WaitQueue()
  /** How often it has changed; the first poll of a descriptor that has not read finds a change, as in Linux. */
  changeCount = 1

  constructor(directory: CgroupDirectory, file: CgroupFile<unknown>, held: Held | undefined) {
    const { uid, gid } = held?.owner ?? directory.cgroup.owner
    const { superblock } = directory
    super(superblock, directory.cgroup.hierarchy.superblock!.nextIno(), { kind: 'file', mode: modeOf(file), uid, gid })
    this.directory = directory
    this.file = file
    this.held = held
    this.atime = this.mtime = this.ctime = directory.kernel.now()
  }

  /** Its cgroup is there, and has it still. */
  get alive(): boolean {
    const { cgroup } = this.directory
    if (!isThere(cgroup, this.file, this.held !== undefined, this.held)) return false
    return this.held === undefined || cgroup.held.get(this.held.controller.name) === this.held
  }

  changed(): void {
    this.changeCount += 1
    this.changes.wake()
    notifyEntry(this.directory, IN.MODIFY, this.file.name, this)
    notifyInode(this, IN.MODIFY)
  }

  open(task: Task, file: OpenFile): FileOperations | Denied {
    return this.alive ? new CgroupOpenFile(this, task, file) : gone()
  }

  override blocks512(): number {
    return 0
  }
}

const gone = (): Denied =>
  deny('ENODEV', 'CG-007', 'cgroup-v2.rst: the cgroup, or the controller of this file, is gone')

class CgroupOpenFile implements FileOperations {
  readonly seekable = true
  readonly #inode: CgroupFileInode
  readonly #opened: Opened
  #seen = 0
  #text: Uint8Array | undefined

  constructor(inode: CgroupFileInode, task: Task, file: OpenFile) {
    this.#inode = inode
    this.#opened = { credentials: file.opener, namespace: task.namespaces.cgroup.retain() }
  }

  #at(task: Task): At<unknown> {
    const { directory, held } = this.#inode
    return { cgroup: directory.cgroup, state: held?.state, task, opened: this.#opened }
  }

  /** What is read in pieces was written down at the first. */
  read(task: Task, count: number, offset: number): Reply {
    const { file } = this.#inode
    if (!this.#inode.alive) return gone()
    if (offset === 0 || this.#text === undefined) {
      this.#seen = this.#inode.changeCount
      if (file.read === undefined) return deny('EINVAL', 'cgroup-v2.rst', `${file.name}: it cannot be read`)
      const text = file.read(this.#at(task))
      if (isDenied(text)) return text
      this.#text = encode(text)
    }
    const data = this.#text.subarray(offset, offset + count)
    return { value: data.length, data }
  }

  write(task: Task, bytes: Uint8Array): Reply {
    const { file } = this.#inode
    if (!this.#inode.alive) return gone()
    if (bytes.length > writeBytesMax)
      return deny('E2BIG', 'cgroup-v2.rst', `${file.name}: at most ${writeBytesMax} bytes are taken at once`)
    if (bytes.length === 0) return 0
    const refusal = this.#sealed() ?? takesText(file)
    if (refusal) return refusal
    const end = bytes.indexOf(0)
    const reply = file.write!(this.#at(task), decode(end < 0 ? bytes : bytes.subarray(0, end)))
    if (reply && (isDenied(reply) || isBlocked(reply))) return reply
    return bytes.length
  }

  /** nsdelegate: who is inside of a cgroup namespace does not change the limits of its root (CG-019). */
  #sealed(): Denied | undefined {
    const { file, directory } = this.#inode
    const { cgroup } = directory
    const { hierarchy } = cgroup
    const { namespace } = this.#opened
    if (!hierarchy.options.has('nsdelegate') || file.delegatable) return undefined
    if (namespace === directory.kernel.initial.cgroup || namespace.roots[hierarchy.id] !== cgroup) return undefined
    return deny('EPERM', 'CG-019', `${file.name}: nsdelegate, and the root of a cgroup namespace is its parent's`)
  }

  poll() {
    const { changes, changeCount, alive } = this.#inode
    const { file } = this.#inode
    const news = !alive || (file.news ? file.news(this.#opened) : this.#seen !== changeCount)
    return { events: readable | writable | (news ? POLLERR | POLLPRI : 0), queues: [changes] }
  }

  truncate(): number {
    return 0
  }

  release(): void {
    this.#opened.namespace.release()
  }

  /** For the digest. */
  hidden(): object {
    return { opened: this.#opened, seen: this.#seen, text: this.#text }
  }
}

const takesText = ({ name, write }: CgroupFile<unknown>): Denied | undefined =>
  write ? undefined : deny('EINVAL', 'cgroup-v2.rst', `${name}: it cannot be written`)
