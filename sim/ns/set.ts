// The namespaces of a task as a whole: each member is kept by the set, once for every task that has it.

import type { NamespaceSet } from '../task.ts'

/** One task more is in all of them. */
export function enterSet(set: NamespaceSet): NamespaceSet {
  set.mnt.retain()
  set.uts.retain()
  set.ipc.retain()
  set.net.retain()
  set.cgroup.retain()
  set.time.retain()
  set.timeForChildren.retain()
  set.pidForChildren.retain()
  return set
}

/** One task less: those that nobody else keeps end (CLN-050). */
export function leaveSet(set: NamespaceSet): void {
  set.mnt.release()
  set.uts.release()
  set.ipc.release()
  set.net.release()
  set.cgroup.release()
  set.time.release()
  set.timeForChildren.release()
  set.pidForChildren.release()
}
