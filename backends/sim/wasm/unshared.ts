// What a copy of a guest cannot have: the memory of the guest that it is a copy of.

import type { Syscall } from '../../../core/syscall.ts'
import { type Denied, deny } from '../../../sim/outcome.ts'

/** CLONE_VM, CLONE_SIGHAND, CLONE_THREAD. */
const sharing = 0x100 | 0x800 | 0x10000

export function refusedClone(call: Syscall): Denied | undefined {
  if (call.name !== 'clone3' || (Number(call.cl_args.flags) & sharing) === 0) return undefined
  return deny('ENOSYS', 'clone(2)', 'clone(2): guests have one thread each, and no memory in common (CLONE_VM)')
}
