// The root of proc: a directory for each process, and files about the machine. proc(5)

import type { PidEntry } from '../ns/pid.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { DirectoryEntry, Inode } from '../vfs/inode.ts'
import { entryOf, FixedDirectory, PseudoDirectory, PseudoLink } from '../vfs/pseudo.ts'
import { mayLook, pidOf } from './look.ts'
import { machineFiles } from './machine.ts'
import { ProcessDirectory } from './process-directory.ts'
import type { ProcSuperblock } from './superblock.ts'

export class ProcRoot extends PseudoDirectory {
  readonly #super: ProcSuperblock
  readonly #machine: FixedDirectory
  readonly #links: Readonly<Record<string, Inode>>
  /** By numbers: the same process is the same inode, for as long as somebody knows the number. */
  readonly #processes = new WeakMap<PidEntry, ProcessDirectory>()

  constructor(superblock: ProcSuperblock) {
    super(superblock, superblock.kernel)
    const { kernel } = superblock
    this.#super = superblock
    this.#machine = new FixedDirectory(superblock, kernel, machineFiles)
    this.#links = {
      self: new PseudoLink(superblock, kernel, (task) => numberOf(task.process.leader, superblock)),
      'thread-self': new PseudoLink(superblock, kernel, (task) => {
        const process = numberOf(task.process.leader, superblock)
        return typeof process === 'string' ? `${process}/task/${task.entry.in(superblock.namespace)}` : process
      }),
    }
  }

  lookup(task: Task, name: string): Inode | undefined | Denied {
    const number = pidOf(name)
    if (number !== undefined) return this.#process(task, number)
    if (Object.hasOwn(this.#links, name)) return this.#links[name]
    return this.#super.onlyProcesses ? undefined : this.#machine.lookup(task, name)
  }

  #process(task: Task, number: number): Inode | undefined {
    const entry = this.#super.namespace.find(number)
    const of = entry?.task
    if (entry === undefined || of === undefined) return undefined
    const { hidePid } = this.#super
    const hides = hidePid === 'ptraceable' || hidePid === 'invisible'
    if (hides && mayLook(task, of, this.#super)) return undefined
    this.#sweep()
    let directory = this.#processes.get(entry)
    if (directory === undefined) {
      directory = new ProcessDirectory(this.#super, entry, 'process')
      this.#processes.set(entry, directory)
    }
    directory.refresh()
    return directory
  }

  /** Names of processes that are gone are forgotten when there are many of them. */
  #sweep(): void {
    const { children } = this.#super.root
    if (children.size < 256 || children.size < 4 * this.#super.namespace.entries.size) return
    for (const [name, dentry] of children) {
      const { inode } = dentry
      if (!(inode instanceof ProcessDirectory) || inode.pidEntry.task || dentry.mounts > 0) continue
      children.delete(name)
      dentry.deleted = true
    }
  }

  entries(task: Task): readonly DirectoryEntry[] {
    const machine = this.#super.onlyProcesses ? [] : this.#machine.entries(task)
    const links = Object.entries(this.#links).map(([name, inode]) => entryOf(name, inode))
    const numbers: number[] = []
    for (const [number, entry] of this.#super.namespace.entries)
      if (entry.task && entry.task === entry.task.process.leader) numbers.push(number)
    const processes: DirectoryEntry[] = []
    for (const number of numbers.sort((a, b) => a - b)) {
      const inode = this.#process(task, number)
      if (inode) processes.push(entryOf(String(number), inode))
    }
    return [...machine, ...links, ...processes]
  }
}

function numberOf(task: Task, { namespace }: ProcSuperblock): string | Denied {
  const number = task.entry.in(namespace)
  if (number !== undefined) return String(number)
  return deny('ENOENT', 'PID-021', 'proc(5): the reader has no number in the pid namespace that this proc shows')
}
