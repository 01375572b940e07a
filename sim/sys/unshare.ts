// unshare: parts of its context that a task has alone from now on. unshare(2), ksys_unshare() in kernel/fork.c

import { commitCredentials } from '../commit-credentials.ts'
import { copyFs, leaveFs } from '../fs-context.ts'
import { leaveUndo } from '../ipc/undo.ts'
import { createUserNamespace } from '../ns/create-user.ts'
import { copyNamespaces, otherNamespaces } from '../ns/ladder.ts'
import { namespaceFlags } from '../ns/namespace.ts'
import { leaveSet } from '../ns/set.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import { uint } from './arguments.ts'

const CLONE = { VM: 0x100, FS: 0x200, FILES: 0x400, SIGHAND: 0x800, THREAD: 0x10000, SYSVSEM: 0x40000 } as const
const { user: NEWUSER, mnt: NEWNS, ipc: NEWIPC } = namespaceFlags
const known =
  otherNamespaces | NEWUSER | CLONE.VM | CLONE.FS | CLONE.FILES | CLONE.SIGHAND | CLONE.THREAD | CLONE.SYSVSEM

/** Flags imply others, each step those of the next (CLN-108). */
function implied(given: number): number {
  let flags = given
  if (flags & NEWUSER) flags |= CLONE.THREAD | CLONE.FS
  if (flags & CLONE.VM) flags |= CLONE.SIGHAND
  if (flags & CLONE.SIGHAND) flags |= CLONE.THREAD
  if (flags & NEWNS) flags |= CLONE.FS
  if (flags & NEWIPC) flags |= CLONE.SYSVSEM
  return flags
}

/** What cannot be unshared is fine as long as nobody shares it. check_unshare_flags() */
function refusalOf(task: Task, flags: number): Denied | undefined {
  const call = 'unshare(2)'
  if (flags & ~known) return deny('EINVAL', 'CLN-030', `${call}: there are flags that it does not know`)
  const { process } = task
  if (flags & (CLONE.THREAD | CLONE.SIGHAND | CLONE.VM) && process.tasks.size > 1)
    return deny('EINVAL', 'CLN-032', `${call}: the process has several threads, which cannot be parted in this`)
  if (flags & (CLONE.SIGHAND | CLONE.VM) && process.actions.users > 1)
    return deny('EINVAL', 'CLN-031', `${call}: the signal handlers are shared with another process`)
  if (flags & CLONE.VM && process.image.users > 1)
    return deny('EINVAL', 'CLN-031', `${call}: the memory is shared with another process`)
  return undefined
}

function unshare(task: Task, given: number): number | Denied {
  const flags = implied(given)
  const refusal = refusalOf(task, flags)
  if (refusal) return refusal
  const fs = flags & CLONE.FS && task.fs.users > 1 ? copyFs(task.fs) : task.fs
  const dropFs = (): void => {
    if (fs !== task.fs) leaveFs(fs)
  }
  const credentials = flags & NEWUSER ? createUserNamespace(task) : task.credentials
  if (isDenied(credentials)) {
    dropFs()
    return credentials
  }
  const set = copyNamespaces(task, flags, credentials, fs)
  if (isDenied(set)) {
    if (credentials !== task.credentials) credentials.namespace.release()
    dropFs()
    return set
  }
  if (flags & CLONE.SYSVSEM) leaveUndo(task)
  const before = task.namespaces
  task.namespaces = set
  leaveSet(before)
  if (fs !== task.fs) {
    leaveFs(task.fs)
    task.fs = fs
  }
  if (flags & CLONE.FILES && task.files.users > 1) {
    task.files.users -= 1
    task.files = task.files.copy()
  }
  if (credentials !== task.credentials) commitCredentials(task, credentials)
  return 0
}

export const calls: Calls = {
  unshare: full((task, { flags }) => unshare(task, uint(flags))),
}
