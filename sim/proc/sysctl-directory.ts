// Directories and files of /proc/sys: values of the kernel, each with its own rights. proc_sys(5), fs/proc/proc_sysctl.c

import type { Credentials } from '../credentials.ts'
import type { Kernel } from '../kernel.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { DirectoryEntry, Inode } from '../vfs/inode.ts'
import { readable, writable } from '../vfs/poll-events.ts'
import { entryOf, type Made, type Owner, PseudoDirectory, PseudoFile, rootOwner } from '../vfs/pseudo.ts'
import type { Superblock } from '../vfs/superblock.ts'
import { decode } from '../vfs/utf8.ts'

/** One value: whose it is (a namespace's) goes by the task that reads or writes, not by who mounted or opened (UTS-005). */
export interface Sysctl {
  /** 0644 where it can be written, 0444 elsewhere, when absent. */
  readonly mode?: number
  /** Whom the bits of the mode are about; root when absent. */
  readonly owner?: (task: Task) => Owner
  /** Without the newline. */
  readonly read: (task: Task) => string
  readonly write?: (task: Task, text: string, opener: Credentials) => Denied | undefined
}

export type SysctlTree = { readonly [name: string]: SysctlEntry }
/** A function is a directory whose names depend on the task. */
export type SysctlEntry = Sysctl | { readonly in: SysctlTree } | { readonly of: (task: Task) => SysctlTree }

export class SysctlDirectory extends PseudoDirectory {
  override readonly neverWritten = true
  override readonly alwaysEmpty: boolean
  readonly #kernel: Kernel
  readonly #tree: (task: Task) => SysctlTree
  readonly #inodes = new Map<string, { readonly inode: Inode; readonly entry: SysctlEntry }>()

  constructor(superblock: Superblock, kernel: Kernel, tree: (task: Task) => SysctlTree, alwaysEmpty = false) {
    super(superblock, kernel)
    this.#kernel = kernel
    this.#tree = tree
    this.alwaysEmpty = alwaysEmpty
  }

  lookup(task: Task, name: string): Inode | undefined {
    const tree = this.#tree(task)
    if (!Object.hasOwn(tree, name)) return undefined
    const entry = tree[name]!
    let known = this.#inodes.get(name)
    if (known?.entry !== entry) {
      known = { inode: this.#make(entry), entry }
      this.#inodes.set(name, known)
    }
    const { inode } = known
    if ('read' in entry && entry.owner) {
      const owner = entry.owner(task)
      inode.uid = owner.uid
      inode.gid = owner.gid
    }
    return inode
  }

  #make(entry: SysctlEntry): Inode {
    if ('in' in entry)
      return new SysctlDirectory(this.superblock, this.#kernel, () => entry.in, Object.keys(entry.in).length === 0)
    if ('of' in entry) return new SysctlDirectory(this.superblock, this.#kernel, entry.of)
    return new PseudoFile(
      this.superblock,
      this.#kernel,
      entry.mode ?? (entry.write ? 0o644 : 0o444),
      contentOf(entry),
      rootOwner,
    )
  }

  entries(task: Task): readonly DirectoryEntry[] {
    return Object.keys(this.#tree(task)).map((name) => entryOf(name, this.lookup(task, name)!))
  }
}

function contentOf({ read, write }: Sysctl) {
  return {
    // proc_sys_poll() in fs/proc/proc_sysctl.c
    poll: () => ({ events: readable | writable, queues: [] }),
    read: (task: Task) => `${read(task)}\n`,
    ...(write && {
      write(task: Task, bytes: Uint8Array, offset: number, opener: Credentials): number | Denied {
        // A value is written at once, at the start. kernel.sysctl_writes_strict
        if (offset !== 0) return bytes.length
        const refusal = write(task, decode(bytes).split('\0')[0]!, opener)
        return isDenied(refusal) ? refusal : bytes.length
      },
    }),
  }
}

export const sysctlRoot =
  (tree: SysctlTree): Made =>
  (superblock, kernel) =>
    new SysctlDirectory(superblock, kernel, () => tree)

const bad = (what: string): Denied => deny('EINVAL', 'proc_sys(5)', `write to a sysctl: ${what}`)

/** A number between bounds. proc_dointvec_minmax() */
export function numberIn(
  get: (task: Task) => number,
  set: (task: Task, value: number) => unknown,
  { least = -2_147_483_648, most = 2_147_483_647, ...more }: { least?: number; most?: number } & Partial<Sysctl> = {},
): Sysctl {
  return {
    read: (task) => String(get(task)),
    write(task, text) {
      const match = /^\s*(-?\d+)(\s|$)/.exec(text)
      if (match === null) return bad('it takes a number')
      const value = Number(match[1])
      if (value < least || value > most) return bad(`it takes a number from ${least} to ${most}`)
      const refusal = set(task, value)
      return isDenied(refusal) ? refusal : undefined
    },
    ...more,
  }
}

/** Numbers between bounds; those that are not given stay as they are. */
export function numbersIn(
  get: (task: Task) => readonly number[],
  set: (task: Task, values: readonly number[]) => unknown,
  { least = 0, most = 2_147_483_647, ...more }: { least?: number; most?: number } & Partial<Sysctl> = {},
): Sysctl {
  return {
    read: (task) => get(task).join('\t'),
    write(task, text) {
      const words = text
        .trim()
        .split(/\s+/)
        .filter((word) => word !== '')
      const values = [...get(task)]
      for (let at = 0; at < Math.min(words.length, values.length); at++) {
        if (!/^-?\d+$/.test(words[at]!)) return bad('it takes numbers')
        const value = Number(words[at])
        if (value < least || value > most) return bad(`it takes numbers from ${least} to ${most}`)
        values[at] = value
      }
      const refusal = set(task, values)
      return isDenied(refusal) ? refusal : undefined
    },
    ...more,
  }
}

/** A value that is only kept: nothing of the model goes by it. */
export function kept(name: string, initial: number, bounds: { least?: number; most?: number } = {}): Sysctl {
  return numberIn(
    ({ kernel }) => kernel.sysctls.get(name) ?? initial,
    ({ kernel }, value) => void kernel.sysctls.set(name, value),
    bounds,
  )
}

export const fixed = (value: string | number): Sysctl => ({ read: () => String(value) })
