// What a process has in its memory, as far as others can tell: the program and its arguments. Shared with CLONE_VM. execve(2)

import type { AddressSpace } from '../address-space.ts'
import type { UserNamespace } from '../ns/user.ts'
import { letGo, type Path } from '../vfs/path.ts'

export class ProgramImage {
  /** /proc/PID/exe; undefined for process 1 of the machine, which came with it. It is held, and cannot be written meanwhile. */
  readonly executable: Path | undefined
  readonly argv: readonly string[]
  readonly envp: readonly string[]
  /** Whose capabilities count over it: those of the user namespace in which it was run. */
  readonly namespace: UserNamespace
  /** PR_SET_DUMPABLE */
  dumpable = true
  /** PR_SET_THP_DISABLE; it outlives execve(2). */
  hugePagesDisabled = false
  /** Its regions and pages; made when the first is asked for. */
  space: AddressSpace | undefined
  /** futex(2): who sleeps at which address. */
  sleepers: Map<number, Set<object>> | undefined
  /** Processes that share it. */
  users = 1

  constructor(
    executable: Path | undefined,
    argv: readonly string[],
    envp: readonly string[],
    namespace: UserNamespace,
  ) {
    this.executable = executable
    this.argv = argv
    this.envp = envp
    this.namespace = namespace.retain()
  }

  /** fork(2) without CLONE_VM. */
  copy(): ProgramImage {
    const { executable } = this
    if (executable) {
      executable.mount.users += 1
      executable.dentry.inode.executions += 1
    }
    const copy = new ProgramImage(executable, this.argv, this.envp, this.namespace)
    copy.dumpable = this.dumpable
    copy.hugePagesDisabled = this.hugePagesDisabled
    copy.space = this.space?.copy()
    return copy
  }

  /** A process leaves it. */
  leave(): void {
    this.users -= 1
    if (this.users > 0) return
    this.space?.end()
    this.space = undefined
    this.namespace.release()
    if (this.executable === undefined) return
    this.executable.dentry.inode.executions -= 1
    letGo(this.executable)
  }

  /** For the digest: memory that nothing is in is as none. */
  hidden(): object {
    const { space } = this
    const isEmpty = !space || (space.regions.length === 0 && space.heapEnd === space.heapStart && !space.lockFuture)
    return isEmpty ? {} : { memory: space }
  }
}
