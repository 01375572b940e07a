// The one place where a task's credentials are replaced. commit_creds() in kernel/cred.c

import type { Credentials } from './credentials.ts'
import { countTask, exceedsProcesses, uncountTask } from './life/limits.ts'
import type { Task } from './task.ts'

/**
 * From now on the task acts with these credentials. A user namespace that is not the old one has been kept for the task
 * already (`createUserNamespace`, setns). Who gained or changed identity can be traced by others no more, and is told no
 * longer that its parent died.
 */
export function commitCredentials(task: Task, credentials: Credentials): void {
  const before = task.credentials
  task.credentials = credentials
  if (before.uid !== credentials.uid || before.namespace !== credentials.namespace) {
    uncountTask(task)
    countTask(task, credentials)
    // A change of the real uid does not fail for the number of processes; the execve(2) after it does. The task itself is
    // not counted yet. flag_nproc_exceeded() in kernel/sys.c
    task.hasTooManyProcesses = exceedsProcesses(task, 1)
  }
  if (changesIdentity(before, credentials)) {
    task.process.dumpable = false
    task.parentDeathSignal = 0
  }
  if (before.namespace !== credentials.namespace) before.namespace.release()
}

function changesIdentity(before: Credentials, after: Credentials): boolean {
  return (
    before.euid !== after.euid ||
    before.egid !== after.egid ||
    before.fsuid !== after.fsuid ||
    before.fsgid !== after.fsgid ||
    !isSubset(before, after)
  )
}

/** Whether credentials are worth no more than others. cred_cap_issubset() in kernel/cred.c */
function isSubset(than: Credentials, are: Credentials): boolean {
  if (than.namespace === are.namespace) return (are.permitted & ~than.permitted) === 0n
  for (let at = are.namespace; at !== undefined && at.parent !== undefined; at = at.parent)
    if (at.parent === than.namespace && at.ownerUid === than.euid) return true
  return false
}
