// Mounts that the machine of a log had before the log began: one shows when a call treats a place as a mount, and no call of
// the log has mounted anything there.

import type { Syscall } from '../../../core/syscall.ts'
import { isDenied } from '../../outcome.ts'
import type { Task } from '../../task.ts'
import { attach, newMount } from '../../vfs/mounting.ts'
import { AT_FDCWD, walk } from '../../vfs/walk.ts'
import type { Expected } from '../scenario.ts'
import type { HostFiles } from './files.ts'

const MS = { REMOUNT: 32, CHANGE: 0xe0000 } as const
const flagBits = { readonly: 1, nosuid: 2, nodev: 4, noexec: 8 } as const

export class HostMounts {
  readonly #files: HostFiles
  /** Where calls of the log have mounted something. */
  readonly #own = new Set<string>()

  constructor(files: HostFiles) {
    this.#files = files
  }

  before(task: Task, call: Syscall, expected: Expected): void {
    if (expected.kind !== 'value') return
    if (call.name === 'move_mount' && call.to_pathname) this.#own.add(call.to_pathname)
    if (call.name === 'umount2') this.#there(task, call.target)
    if (call.name !== 'mount') return
    if (Number(call.mountflags) & (MS.REMOUNT | MS.CHANGE)) this.#there(task, call.target)
    else if (call.target !== null) this.#own.add(call.target)
  }

  /** A remount was refused for flags that only this machine's mounts have. */
  widens(task: Task, call: Syscall): boolean {
    if (call.name !== 'mount' || !(Number(call.mountflags) & MS.REMOUNT) || call.target === null) return false
    const path = this.#files.asRoot(task, () => walk(task, AT_FDCWD, call.target))
    if (isDenied(path) || this.#own.has(call.target)) return false
    let changed = path.mount.flags.locked.size > 0
    // What was locked went by this machine's own mounts.
    path.mount.flags.locked = new Set()
    for (const [flag, bit] of Object.entries(flagBits) as [keyof typeof flagBits, number][])
      if (path.mount.flags[flag] && !(Number(call.mountflags) & bit)) {
        path.mount.flags[flag] = false
        changed = true
      }
    return changed
  }

  #there(task: Task, target: string | null): void {
    if (target === null || this.#own.has(target) || target === '/' || target === '.') return
    const path = this.#files.asRoot(task, () => walk(task, AT_FDCWD, target))
    if (isDenied(path) || path.dentry === path.mount.root || !this.#files.settledOf(path.dentry.inode)) return
    const mount = newMount(task.kernel, path.mount.superblock, path.dentry)
    Object.assign(mount.flags, path.mount.flags)
    attach(mount, path, task.namespaces.mnt)
  }
}
