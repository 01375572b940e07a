// The directory of a process or of a thread: /proc/PID, /proc/PID/task/TID. proc_pid(5)

import { rootGid, rootUid } from '../ids.ts'
import type { OfProcess } from '../life/pidfd.ts'
import type { PidEntry } from '../ns/pid.ts'
import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { FileOperations, OpenFile } from '../vfs/file.ts'
import type { DirectoryEntry, Inode } from '../vfs/inode.ts'
import { type Content, contentOperations, entryOf, PseudoDirectory, PseudoFile, PseudoLink } from '../vfs/pseudo.ts'
import { mayLook, mayLookInto, ownerOfProcess } from './look.ts'
import { processNodes } from './process-nodes.ts'
import type { ProcSuperblock } from './superblock.ts'

/** What a file of a process is asked with. */
export interface Reading {
  readonly of: Task
  readonly reader: Task
  readonly superblock: ProcSuperblock
  readonly scope: Scope
}

/** A process as a whole, or one thread of it. */
export type Scope = 'process' | 'thread'

export interface FileNode {
  readonly mode: number
  readonly read?: (at: Reading) => string | Uint8Array | Denied
  readonly write?: (at: Reading, bytes: Uint8Array, offset: number, opener: Task['credentials']) => Reply
  /** What is wrong with the bytes themselves: asked before whether the process is still there. */
  readonly wrong?: (bytes: Uint8Array) => Denied | undefined
  /** Opening it asks for the rights of ptrace. */
  readonly needsAccess?: boolean
  /** Of a thread, it is open to all of its process, whatever the bits say. proc_tid_comm_permission() in fs/proc/base.c */
  readonly isOfThreads?: true
  /** write(2) does not move on. */
  readonly keepsOffset?: true
  /** Not a seq_file. */
  readonly isPlain?: true
  /** Instead of read and write, where the moment of opening counts. */
  readonly open?: (at: Reading, file: OpenFile) => Content | Denied
}

export interface LinkNode {
  readonly readlink: (at: Reading) => string | Denied
  readonly jump: NonNullable<Inode['jump']> extends (task: Task) => infer R ? (at: Reading) => R : never
}

export type ProcessNode =
  | { readonly file: FileNode; readonly only?: Scope }
  | { readonly link: LinkNode; readonly only?: Scope }
  | { readonly directory: (at: ProcessDirectory) => Inode; readonly only?: Scope }
  | { readonly target: string; readonly only?: Scope }

export const noProcess = (): Denied => deny('ESRCH', 'proc(5)', 'proc(5): the process is gone')
export const nothingThere = (): Denied => deny('ENOENT', 'proc(5)', 'proc(5): the process is gone')

export class ProcessDirectory extends PseudoDirectory implements OfProcess {
  readonly pidEntry: PidEntry
  readonly scope: Scope
  readonly super: ProcSuperblock
  readonly #inodes = new Map<string, Inode>()

  constructor(superblock: ProcSuperblock, entry: PidEntry, scope: Scope) {
    super(superblock, superblock.kernel, 0o555)
    this.super = superblock
    this.pidEntry = entry
    this.scope = scope
  }

  /** It belongs to whoever the process is now. */
  refresh(inode: Inode = this): void {
    const of = this.pidEntry.task
    if (of === undefined) return
    const owner = ownerOfProcess(of, inode.kind === 'directory' && inode.mode === 0o555)
    inode.uid = owner.uid
    inode.gid = owner.gid
  }

  /** What stat(2) tells of a directory that is open. pid_getattr() in fs/proc/base.c */
  override showsOwner(inode: Inode = this): void {
    if (this.pidEntry.task) this.refresh(inode)
    else [inode.uid, inode.gid] = [rootUid, rootGid]
  }

  at(reader: Task): Reading | undefined {
    const of = this.pidEntry.task
    return of && { of, reader, superblock: this.super, scope: this.scope }
  }

  /** What hidepid says of this process. */
  override mayOpen(task: Task): Denied | undefined {
    const of = this.pidEntry.task
    return of ? mayLook(task, of, this.super) : nothingThere()
  }

  override refuses(task: Task): Denied | undefined {
    return this.mayOpen(task)
  }

  lookup(task: Task, name: string): Inode | undefined | Denied {
    const refusal = this.mayOpen(task)
    if (refusal) return refusal
    const known = this.#inodes.get(name) ?? this.#make(name)
    if (known) this.refresh(known)
    return known
  }

  #make(name: string): Inode | undefined {
    if (!Object.hasOwn(processNodes, name)) return undefined
    const node = processNodes[name]!
    if (node.only !== undefined && node.only !== this.scope) return undefined
    const inode = this.#inodeOf(node)
    this.#inodes.set(name, inode)
    return inode
  }

  #inodeOf(node: ProcessNode): Inode {
    const { super: superblock } = this
    const { kernel } = superblock
    if ('file' in node) return new ProcessFile(this, node.file)
    if ('directory' in node) return node.directory(this)
    if ('target' in node) return new PseudoLink(superblock, kernel, () => node.target)
    return this.magic(node.link)
  }

  /** A link that leads to a place of the process itself, for those who may look into it (PID-108). */
  magic({ readlink, jump }: LinkNode, mode = 0o777): Inode {
    const asked = <T>(task: Task, then: (at: Reading) => T | Denied): T | Denied => {
      const at = this.at(task)
      if (at === undefined) return nothingThere()
      return mayLookInto(task, at.of) ?? then(at)
    }
    return new PseudoLink(
      this.super,
      this.super.kernel,
      (task) => asked(task, readlink),
      (task) => asked(task, jump),
      this,
      mode,
    )
  }

  entries(task: Task): readonly DirectoryEntry[] {
    if (this.pidEntry.task === undefined) return []
    return Object.keys(processNodes).flatMap((name) => {
      const inode = this.lookup(task, name)
      return inode === undefined || isDenied(inode) ? [] : [entryOf(name, inode)]
    })
  }
}

class ProcessFile extends PseudoFile {
  readonly #directory: ProcessDirectory
  readonly #node: FileNode

  constructor(directory: ProcessDirectory, node: FileNode) {
    super(directory.super, directory.super.kernel, node.mode, {}, directory)
    this.#directory = directory
    this.#node = node
  }

  override admits(task: Task): boolean {
    const { scope, pidEntry } = this.#directory
    return this.#node.isOfThreads === true && scope === 'thread' && pidEntry.task?.process === task.process
  }

  override open(task: Task, file: OpenFile): FileOperations | Denied {
    const at = this.#directory.at(task)
    if (at === undefined) return nothingThere()
    const { needsAccess, open, read, write, wrong } = this.#node
    const refusal = needsAccess ? mayLookInto(task, at.of) : undefined
    if (refusal) return refusal
    if (open) {
      const content = open(at, file)
      return isDenied(content) ? content : this.#as(contentOperations(content, file), file)
    }
    const operations = contentOperations(
      {
        ...(read && { read: (reader: Task) => this.#now(reader, read) }),
        ...(write && {
          write: (writer: Task, bytes: Uint8Array, offset: number) =>
            wrong?.(bytes) ?? this.#now(writer, (now) => write(now, bytes, offset, file.opener)),
        }),
      },
      file,
    )
    return this.#as(operations, file)
  }

  /** fs/proc/base.c: most of them are seq_files; few of those that are written move on. */
  #as(operations: FileOperations, file: OpenFile): FileOperations {
    const { keepsOffset, isPlain, read, open } = this.#node
    const seek = (task: Task, offset: number, whence: number): Reply => {
      const to = whence === 1 ? file.offset + offset : offset
      if (whence > 1 || to < 0) return deny('EINVAL', 'proc(5)', 'lseek(2): a seq_file knows no end')
      // The way there leads through the content, which is made anew. traverse() in fs/seq_file.c
      const made = to !== 0 && to !== file.offset && (read ?? open) ? operations.read?.(task, 0, 0) : undefined
      if (isDenied(made)) return made
      file.offset = to
      return to
    }
    return {
      ...operations,
      writesEachBuffer: true,
      ...(keepsOffset && { keepsOffset }),
      ...(!isPlain && { isSequence: true as const, seek }),
    }
  }

  #now<T>(task: Task, then: (at: Reading) => T): T | Denied {
    const at = this.#directory.at(task)
    return at === undefined ? noProcess() : then(at)
  }
}
