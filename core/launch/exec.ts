// From a process of the OCI spec and a running container to the plan of an exec: the way into its namespaces.

import type { LinuxMemoryPolicy, LinuxNamespaceType, Process } from '../spec/types.ts'
import { CLONE, O, SIGNAL } from './constants.ts'
import type { LaunchFacts } from './facts.ts'
import { planMemoryPolicy } from './memory-policy.ts'
import { hideFromContainer, namespaceFlags, stayVisible } from './namespaces.ts'
import type { LaunchPlan } from './plan.ts'
import {
  checkProcess,
  planExistingWorkingDirectory,
  planOomScore,
  planProgram,
  planSession,
  planVisibility,
  planWait,
} from './process.ts'
import { planAffinity, planScheduling } from './scheduling.ts'
import { checkLabels } from './selinux.ts'
import { planTerminal } from './terminal.ts'
import { from, openHost, PlanWriter, root } from './writer.ts'

/** The container that is entered. */
export interface ExecTarget {
  /** Its first process, in the caller's pid namespace. */
  readonly pid: number
  /** Which of its namespaces are not the caller's own. */
  readonly namespaces: readonly LinuxNamespaceType[]
  /** The caller may not call setgroups(2) in its user namespace. */
  readonly setgroupsDenied?: boolean
  /** All its processes have it. */
  readonly memoryPolicy?: LinuxMemoryPolicy
}

/**
 * Plans an exec: the parent takes a pidfd of the container's first process, has the child born in its pid namespace and
 * cgroup; the child joins all others at once through the same pidfd, because inside the pid would mean another process.
 * From its birth on the container's processes see it: it cannot be traced until all that it has of the host is closed.
 * setns(2), pidfd_open(2). The parent's own state changes, so it must be a process that ends with the exec: the monitor.
 *
 * @param facts - `cgroup.create` opens the container's cgroup, `cgroup.join` moves the child on v1
 */
export function planExec(process: Process, target: ExecTarget, facts: LaunchFacts): LaunchPlan {
  checkProcess(process)
  checkLabels(process, undefined, facts)
  const writer = new PlanWriter()
  const joins = target.namespaces
  writer.parent({ name: 'pidfd_open', pid: target.pid, flags: 0 }, 'take hold of the container by its first process', {
    as: 'container',
  })
  const unprivileged = facts.euid !== 0 && joins.includes('user')
  if (unprivileged || joins.includes('pid'))
    writer.parent(
      {
        name: 'setns',
        fd: from('container'),
        nstype: (joins.includes('pid') ? CLONE.NEWPID : 0) | (unprivileged ? CLONE.NEWUSER : 0),
      },
      unprivileged
        ? "enter the user namespace, which gives the right to have the child born in the container's pid namespace"
        : "have the child born in the container's pid namespace",
    )
  if (unprivileged) stayVisible(writer, 'parent')
  // In another's user namespace a hidden process may not even write its own file of /proc.
  if (unprivileged) planOomScore(writer, process, facts, 'parent')
  for (const step of facts.cgroup?.create ?? []) writer.add(step)
  hideFromContainer(writer)
  planAffinity(writer, process, 'initial')
  const into = facts.cgroup?.into
  const cl_args = {
    flags: into === undefined ? 0 : CLONE.INTO_CGROUP,
    exit_signal: SIGNAL.SIGCHLD,
    ...(into === undefined ? {} : { cgroup: from(into) }),
  }
  writer.parent({ name: 'clone3', cl_args }, 'start a process for the program')
  for (const step of facts.cgroup?.join ?? []) writer.add(step)
  if (!unprivileged) planOomScore(writer, process, facts, 'child')
  planAffinity(writer, process, 'final')
  planSession(writer, process, facts)
  planScheduling(writer, process)
  planMemoryPolicy(writer, target.memoryPolicy)
  let nstype = 0
  for (const type of joins) if (type !== 'pid' && !(type === 'user' && unprivileged)) nstype |= namespaceFlags[type]
  if (nstype !== 0)
    writer.child({ name: 'setns', fd: from('container'), nstype }, "join the container's other namespaces at once")
  const inUserNamespace = joins.includes('user')
  if (inUserNamespace) {
    writer.child({ name: 'setresgid', rgid: 0, egid: 0, sgid: 0 }, 'become group 0 of the user namespace')
    writer.child({ name: 'setresuid', ruid: 0, euid: 0, suid: 0 }, 'become user 0 of the user namespace')
  }
  planVisibility(writer)
  writer.child(openHost('/', O.PATH | O.DIRECTORY), "open the container's root", { as: root })
  if (process.terminal) planTerminal(writer, process, false)
  planExistingWorkingDirectory(writer, process)
  planWait(writer, facts)
  planProgram(writer, process, { ...facts, setgroupsDenied: target.setgroupsDenied }, inUserNamespace)
  return { steps: writer.steps, program: process.args![0]! }
}
