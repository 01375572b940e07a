// /proc/PID/fd and /proc/PID/fdinfo: what a process has open. proc_pid_fd(5), proc_pid_fdinfo(5)

import type { Descriptor } from '../file-table.ts'
import { PidfdOperations } from '../life/pidfd.ts'
import type { PidEntry } from '../ns/pid.ts'
import { type Denied, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import { mayBeRead, mayBeWritten, O } from '../vfs/flags.ts'
import type { DirectoryEntry, Inode } from '../vfs/inode.ts'
import { shownPath } from '../vfs/path-name.ts'
import { entryOf, PseudoDirectory, PseudoFile } from '../vfs/pseudo.ts'
import { mayLookInto, pidOf } from './look.ts'
import { noProcess, nothingThere, type ProcessDirectory } from './process-directory.ts'

interface Known {
  readonly descriptor: Descriptor
  readonly inode: Inode
}

export class DescriptorDirectory extends PseudoDirectory {
  readonly #process: ProcessDirectory
  readonly #which: 'fd' | 'fdinfo'
  readonly #known = new Map<number, Known>()

  constructor(process: ProcessDirectory, which: 'fd' | 'fdinfo') {
    super(process.super, process.super.kernel, which === 'fd' ? 0o500 : 0o555, process)
    this.#process = process
    this.#which = which
  }

  #task(): Task | undefined {
    const of = this.#process.pidEntry.task
    return of?.alive ? of : undefined
  }

  override mayOpen(task: Task): Denied | undefined {
    const of = this.#process.pidEntry.task
    if (of === undefined) return nothingThere()
    // A thread looks into its own process, whatever the bits say. proc_fd_permission()
    return of.process === task.process ? undefined : mayLookInto(task, of)
  }

  override admits(task: Task): boolean {
    return this.#process.pidEntry.task?.process === task.process
  }

  lookup(task: Task, name: string): Inode | undefined | Denied {
    const fd = pidOf(name)
    const of = this.#task()
    const descriptor = fd === undefined ? undefined : of?.files.get(fd)
    if (descriptor === undefined) {
      if (fd !== undefined) this.#known.delete(fd)
      return undefined
    }
    const refusal = this.#which === 'fdinfo' ? this.mayOpen(task) : undefined
    if (refusal) return refusal
    let known = this.#known.get(fd!)
    if (known?.descriptor !== descriptor) {
      known = { descriptor, inode: this.#which === 'fd' ? this.#link(descriptor) : this.#info(fd!) }
      this.#known.set(fd!, known)
    }
    this.#process.refresh(known.inode)
    return known.inode
  }

  #link({ file }: Descriptor): Inode {
    const mode = (mayBeRead(file.flags) ? 0o500 : 0) | (mayBeWritten(file.flags) ? 0o300 : 0)
    return this.#process.magic(
      { readlink: ({ reader }) => shownPath(reader.fs.root, file.path), jump: () => file.path },
      file.flags & O.PATH ? 0 : mode,
    )
  }

  #info(fd: number): Inode {
    const { super: superblock } = this.#process
    const read = (): string | Denied => {
      const descriptor = this.#task()?.files.get(fd)
      return descriptor ? infoText(descriptor, superblock.namespace) : noProcess()
    }
    return new PseudoFile(superblock, superblock.kernel, 0o400, { read }, this.#process)
  }

  entries(task: Task): readonly DirectoryEntry[] {
    const entries: DirectoryEntry[] = []
    for (const [fd] of this.#task()?.files.entries() ?? []) {
      const inode = this.lookup(task, String(fd))
      if (inode && !isDenied(inode)) entries.push(entryOf(String(fd), inode))
    }
    return entries
  }
}

function infoText({ file, closeOnExec }: Descriptor, namespace: PidEntry['namespace']): string {
  const flags = (file.flags | (closeOnExec ? O.CLOEXEC : 0)) >>> 0
  const text = `pos:\t${file.offset}\nflags:\t0${flags.toString(8)}\nmnt_id:\t${file.path.mount.id}\nino:\t${file.inode.ino}\n`
  return file.operations instanceof PidfdOperations ? text + pidLines(file.operations.entry, namespace) : text
}

/** Whom a pidfd stands for, as this proc sees it: -1 when it has been reaped, 0 when it is not seen here. pidfd_open(2) */
function pidLines(entry: PidEntry, namespace: PidEntry['namespace']): string {
  if (entry.task === undefined) return 'Pid:\t-1\nNSpid:\t-1\n'
  const own = entry.in(namespace)
  if (own === undefined) return 'Pid:\t0\nNSpid:\t0\n'
  return `Pid:\t${own}\nNSpid:\t${entry.numbers.slice(namespace.level).join('\t')}\n`
}
