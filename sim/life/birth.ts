// A new task: checks in Linux's order (CLN-101), then everything that it shares with its parent, copies or starts anew.
// copy_process() in kernel/fork.c

import type { Cgroup } from '../cgroup/cgroup.ts'
import type { Credentials } from '../credentials.ts'
import { copyFs, leaveFs } from '../fs-context.ts'
import { shareUndo } from '../ipc/undo.ts'
import { createUserNamespace } from '../ns/create-user.ts'
import { childNamespaces } from '../ns/ladder.ts'
import type { PidEntry } from '../ns/pid.ts'
import { leaveSet } from '../ns/set.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { Process } from '../process.ts'
import { descriptorsMax } from '../sys/arguments.ts'
import { type FsContext, type NamespaceSet, Task } from '../task.ts'
import { WaitQueue } from '../wait.ts'
import { CLONE } from './clone-flags.ts'
import { countTask, mayFork, threadsLeft } from './limits.ts'
import { giveBackNumbers, takeNumbers } from './numbers.ts'
import { adopt } from './parents.ts'
import { openPidfd } from './pidfd.ts'

export interface Birth {
  /** CLONE_* of the lower 32 bits, without the signal. */
  readonly flags: number
  readonly exitSignal: number
  readonly clearHandlers: boolean
  readonly numbers: readonly number[]
  /** The cgroup of CLONE_INTO_CGROUP; asked late, as Linux does. */
  readonly cgroup?: () => Cgroup | Denied
  /** As refusals name it: `clone3(2)`. */
  readonly call: string
}

export interface Born {
  readonly task: Task
  readonly pidfd: number | undefined
}

/** What is made before anything can fail any more. */
interface Prepared {
  readonly credentials: Credentials
  readonly fs: FsContext
  readonly namespaces: NamespaceSet
}

/** @errors as clone(2): EINVAL, EPERM, ENOSPC, EAGAIN, ENOMEM, EEXIST, EMFILE, and those of cgroups */
export function giveBirth(parent: Task, birth: Birth): Born | Denied {
  const refusal = checkFlags(parent, birth)
  if (refusal) return refusal
  const prepared = prepare(parent, birth)
  if (isDenied(prepared)) return prepared
  const entry = takeNumbers(parent, prepared.namespaces.pidForChildren, birth.numbers, birth.call)
  if (isDenied(entry)) {
    takeBack(prepared)
    return entry
  }
  const target = lastChecks(parent, birth, entry)
  if (isDenied(target)) {
    giveBackNumbers(entry)
    takeBack(prepared)
    return target
  }
  const task = make(parent, birth, entry, prepared)
  task.kernel.cgroups.forked(parent, task, target)
  return {
    task,
    pidfd: birth.flags & CLONE.PIDFD ? openPidfd(parent, entry, birth.flags & CLONE.THREAD ? 0o200 : 0) : undefined,
  }
}

function checkFlags(parent: Task, { flags, call }: Birth): Denied | undefined {
  const has = (wanted: number) => (flags & wanted) === wanted
  const wrong = (rule: string, why: string) => deny('EINVAL', rule, `${call}: ${why}`)
  if (has(CLONE.NEWNS | CLONE.FS))
    return wrong('CLN-001', 'CLONE_NEWNS and CLONE_FS: a root cannot be shared between mount namespaces')
  if (has(CLONE.NEWUSER | CLONE.FS))
    return wrong('CLN-002', 'CLONE_NEWUSER and CLONE_FS: a root cannot be shared between user namespaces')
  if (has(CLONE.THREAD) && !has(CLONE.SIGHAND)) return wrong('CLN-003', 'CLONE_THREAD needs CLONE_SIGHAND')
  if (has(CLONE.SIGHAND) && !has(CLONE.VM)) return wrong('CLN-004', 'CLONE_SIGHAND needs CLONE_VM')
  if (has(CLONE.PARENT) && parent.process.unkillable)
    return wrong('CLN-008', 'CLONE_PARENT by process 1 of a pid namespace: its parent may be outside')
  if (has(CLONE.THREAD)) {
    if (flags & (CLONE.NEWUSER | CLONE.NEWPID))
      return wrong('CLN-006', 'threads share their user and pid namespaces: CLONE_THREAD excludes new ones')
    if (parent.namespaces.pidForChildren !== parent.pidNamespace)
      return wrong('CLN-063', 'no thread can be made while the children belong to another pid namespace')
  }
  if (has(CLONE.PIDFD)) {
    if (has(CLONE.DETACHED)) return wrong('CLN-009', 'CLONE_PIDFD and CLONE_DETACHED exclude each other')
    if (has(CLONE.THREAD) && !parent.kernel.since(6, 9))
      return wrong('CLN-064', 'CLONE_PIDFD and CLONE_THREAD exclude each other before Linux 6.9')
  }
  return undefined
}

function prepare(parent: Task, { flags, call }: Birth): Prepared | Denied {
  const credentials = flags & CLONE.NEWUSER ? createUserNamespace(parent, call) : parent.credentials
  if (isDenied(credentials)) return credentials
  if (credentials === parent.credentials) credentials.namespace.retain()
  const tooMany = mayFork(parent, credentials, call) ?? threadsLeft(parent, call)
  if (tooMany) {
    credentials.namespace.release()
    return tooMany
  }
  const fs = flags & CLONE.FS ? shared(parent.fs) : copyFs(parent.fs)
  const namespaces = childNamespaces(parent, flags, credentials, fs, call)
  if (isDenied(namespaces)) {
    leaveFs(fs)
    credentials.namespace.release()
    return namespaces
  }
  return { credentials, fs, namespaces }
}

function takeBack({ credentials, fs, namespaces }: Prepared): void {
  leaveSet(namespaces)
  leaveFs(fs)
  credentials.namespace.release()
}

/** After these a number is burnt (CLN-103). */
function lastChecks(parent: Task, birth: Birth, entry: PidEntry): Cgroup | undefined | Denied {
  const { kernel } = parent
  if (birth.flags & CLONE.PIDFD && parent.files.lowest() >= descriptorsMax(parent))
    return deny('EMFILE', 'clone(2)', `${birth.call}: no descriptor is left for the pidfd`)
  const target = birth.cgroup?.()
  if (isDenied(target)) return target
  const refusal = kernel.cgroups.canFork(parent, target)
  if (refusal) return refusal
  if (!entry.namespace.dying) return target
  kernel.cgroups.cancelFork(parent, target)
  return deny('ENOMEM', 'PID-010', `${birth.call}: process 1 of the pid namespace has ended`)
}

function make(parent: Task, birth: Birth, entry: PidEntry, { credentials, fs, namespaces }: Prepared): Task {
  const { kernel } = parent
  const { flags } = birth
  const isThread = (flags & CLONE.THREAD) !== 0
  const process = isThread ? parent.process : childProcess(parent, birth)
  const task = new Task(kernel, {
    ...{ entry, process, credentials, namespaces, fs, comm: parent.comm },
    files: flags & CLONE.FILES ? shared(parent.files) : parent.files.copy(),
  })
  entry.task = task
  task.signalMask = parent.signalMask
  task.noNewPrivileges = parent.noNewPrivileges
  task.seccomp = parent.seccomp
  task.personality = parent.personality
  task.nice = parent.nice
  if (!parent.scheduling.resetOnFork) task.scheduling = parent.scheduling
  task.timerSlackNs = task.defaultSlackNs = parent.timerSlackNs
  task.affinity = parent.affinity
  task.keyring = parent.keyring
  if (flags & CLONE.SYSVSEM) shareUndo(parent, task)
  if (flags & CLONE.VFORK) task.vforkDone = new WaitQueue()
  process.tasks.add(task)
  if (!isThread) enterFamily(parent, birth, task)
  countTask(task, credentials)
  kernel.tasks.set(task.id, task)
  kernel.lastBorn = task
  return task
}

function childProcess(parent: Task, { flags, exitSignal, clearHandlers }: Birth): Process {
  const from = parent.process
  const isSibling = (flags & CLONE.PARENT) !== 0
  const process = new Process(isSibling ? from.exitSignal : exitSignal, parent.kernel.clock.nowNs)
  process.parentExecCount = isSibling ? from.parentExecCount : from.execCount
  process.actions = clearHandlers
    ? from.actions.withoutHandlers()
    : flags & CLONE.SIGHAND
      ? shared(from.actions)
      : from.actions.copy()
  process.image = flags & CLONE.VM ? shared(from.image) : from.image.copy()
  process.limits = from.limits
  process.oomScoreAdj = from.oomScoreAdj
  process.oomScoreAdjMin = from.oomScoreAdjMin
  process.terminal = from.terminal
  process.group = from.group
  process.session = from.session
  return process
}

function enterFamily(parent: Task, { flags }: Birth, task: Task): void {
  const { process, entry } = task
  process.leader = task
  process.group.group.add(process)
  process.session.session.add(process)
  const { namespace } = entry
  if (entry.numbers[namespace.level] === 1) {
    process.unkillable = true
    namespace.init = task
  }
  const { parent: above, parentTask } = parent.process
  if (flags & CLONE.PARENT) adopt(above!, parentTask, process)
  else adopt(parent.process, parent, process)
}

function shared<T extends { users: number }>(thing: T): T {
  thing.users += 1
  return thing
}
