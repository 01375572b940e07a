// /proc/PID/task: a directory for each thread; and /proc/PID/attr. proc_pid_task(5), proc_pid_attr(5)

import type { PidEntry } from '../ns/pid.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { DirectoryEntry, Inode } from '../vfs/inode.ts'
import { entryOf, PseudoDirectory, PseudoFile } from '../vfs/pseudo.ts'
import { pidOf } from './look.ts'
import { ProcessDirectory } from './process-directory.ts'

export class TaskDirectory extends PseudoDirectory {
  readonly #process: ProcessDirectory
  readonly #threads = new WeakMap<PidEntry, ProcessDirectory>()

  constructor(process: ProcessDirectory) {
    super(process.super, process.super.kernel, 0o555, process)
    this.#process = process
  }

  lookup(_task: Task, name: string): Inode | undefined | Denied {
    const { super: superblock, pidEntry } = this.#process
    const number = pidOf(name)
    const entry = number === undefined ? undefined : superblock.namespace.find(number)
    const thread = entry?.task
    if (!thread || thread.process !== pidEntry.task?.process) return undefined
    let directory = this.#threads.get(entry!)
    if (directory === undefined) {
      directory = new ProcessDirectory(superblock, entry!, 'thread')
      this.#threads.set(entry!, directory)
    }
    directory.refresh()
    return directory
  }

  entries(task: Task): readonly DirectoryEntry[] {
    const { super: superblock, pidEntry } = this.#process
    const of = pidEntry.task
    if (of === undefined) return []
    const threads = new Set([of.process.leader, ...of.process.tasks])
    return [...threads]
      .map((thread) => thread.entry.in(superblock.namespace))
      .filter((number) => number !== undefined)
      .sort((a, b) => a - b)
      .flatMap((number) => {
        const inode = this.lookup(task, String(number))
        return inode === undefined || isDenied(inode) ? [] : [entryOf(String(number), inode)]
      })
  }
}

const attributes = ['current', 'prev', 'exec', 'fscreate', 'keycreate', 'sockcreate']
const noSecurityModule = (): Denied =>
  deny('EINVAL', 'proc(5)', 'proc(5): the kernel has no security module with attributes of processes')

export class AttributeDirectory extends PseudoDirectory {
  readonly #files = new Map<string, Inode>()
  readonly #process: ProcessDirectory

  constructor(process: ProcessDirectory) {
    super(process.super, process.super.kernel, 0o555, process)
    this.#process = process
    const content = { read: noSecurityModule, write: noSecurityModule }
    for (const name of attributes)
      this.#files.set(name, new PseudoFile(process.super, process.super.kernel, 0o666, content, process))
  }

  override showsOwner(): void {
    this.#process.showsOwner(this)
  }

  lookup(_task: Task, name: string): Inode | undefined {
    return this.#files.get(name)
  }

  entries(): readonly DirectoryEntry[] {
    return [...this.#files].map(([name, inode]) => entryOf(name, inode))
  }
}
