// Namespaces of a container: made by clone3, unshared in the child, or joined by path. namespaces(7), setns(2), clone(2).

import { UserError } from '../errors.ts'
import type { LinuxNamespaceType, LinuxTimeOffset, Spec } from '../spec/types.ts'
import { CLONE, O, PR, SIGNAL } from './constants.ts'
import type { LaunchFacts } from './facts.ts'
import { startFd } from './plan.ts'
import { from, openHost, type PlanWriter } from './writer.ts'

export const namespaceFlags: Readonly<Record<LinuxNamespaceType, number>> = {
  user: CLONE.NEWUSER,
  pid: CLONE.NEWPID,
  mount: CLONE.NEWNS,
  uts: CLONE.NEWUTS,
  ipc: CLONE.NEWIPC,
  network: CLONE.NEWNET,
  cgroup: CLONE.NEWCGROUP,
  time: CLONE.NEWTIME,
}

/** The kernel's order when it joins several at once: the user namespace first, since it gives the right to the others. */
const joinOrder: readonly LinuxNamespaceType[] = ['user', 'ipc', 'uts', 'network', 'cgroup', 'time', 'mount']

/** A namespace's part in a container: absent is the runtime's own, '' is new, anything else a path to join. */
export type Namespaces = ReadonlyMap<LinuxNamespaceType, string>

/** @param userNamespace - one that was made beforehand stands in for a new one */
export function namespacesOf(spec: Spec, userNamespace?: string): Namespaces {
  const namespaces = new Map((spec.linux?.namespaces ?? []).map(({ type, path }) => [type, path ?? '']))
  if (userNamespace !== undefined) namespaces.set('user', userNamespace)
  return namespaces
}

export function isNew(namespaces: Namespaces, type: LinuxNamespaceType): boolean {
  return namespaces.get(type) === ''
}

export function isJoined(namespaces: Namespaces, type: LinuxNamespaceType): boolean {
  return Boolean(namespaces.get(type))
}

/** What no plan can do, said before anything is made. */
export function checkNamespaces(namespaces: Namespaces, spec: Spec): void {
  if (!namespaces.has('mount'))
    throw new UserError('linux.namespaces: a container needs a mount namespace of its own; add {"type": "mount"}')
  if (isJoined(namespaces, 'mount') && spec.mounts?.length)
    throw new UserError('mounts: none can be made in a mount namespace that is joined; leave them out')
  if (isJoined(namespaces, 'mount'))
    for (const word of ['maskedPaths', 'readonlyPaths', 'devices'] as const)
      if (spec.linux?.[word]?.length)
        throw new UserError(`linux.${word}: a mount namespace that is joined is left as it is; leave them out`)
  if (spec.linux?.timeOffsets && !isNew(namespaces, 'time'))
    throw new UserError('linux.timeOffsets: can only be set in a new time namespace; add {"type": "time"}')
}

/** Up to clone3, what only the parent can do so that the child is born with it; after it, the way into v1 cgroups. */
export function planBirth(writer: PlanWriter, namespaces: Namespaces, spec: Spec, facts: LaunchFacts): void {
  const pidPath = namespaces.get('pid')
  if (pidPath) joinInParent(writer, pidPath)
  const offsets = Object.entries(spec.linux?.timeOffsets ?? {})
  if (offsets.length > 0) {
    writer.parent({ name: 'unshare', flags: CLONE.NEWTIME }, 'make a time namespace that the child will be born in')
    writer.parent(openHost('/proc/self/timens_offsets', O.WRONLY), 'open the clock offsets', { as: 'clock offsets' })
    const buf = offsets.map(([clock, offset]) => offsetLine(clock, offset)).join('')
    writer.parent({ name: 'write', fd: from('clock offsets'), buf }, 'set the clocks before anybody lives by them')
  }
  for (const step of facts.cgroup?.create ?? []) writer.add(step)
  const into = facts.cgroup?.into
  const ofUser = isJoined(namespaces, 'user')
  let flags = into === undefined ? 0 : CLONE.INTO_CGROUP
  for (const type of namespaces.keys()) {
    if (!isNew(namespaces, type) || type === 'cgroup') continue
    if (type === 'time' && offsets.length > 0) continue
    if (ofUser && type !== 'pid' && type !== 'time' && !(type === 'mount' && facts.userNamespace)) continue
    flags += namespaceFlags[type]
  }
  const cl_args = { flags, exit_signal: SIGNAL.SIGCHLD, ...(into === undefined ? {} : { cgroup: from(into) }) }
  const born = into === undefined ? '' : ', born in its cgroup'
  if (isWatched(namespaces)) hideFromContainer(writer)
  writer.parent({ name: 'clone3', cl_args }, `start the container's first process${born}`)
  if (isNew(namespaces, 'user'))
    writer.child(
      { name: 'read', fd: startFd, buf: 1 },
      'wait until the users of the new user namespace are mapped to users of the host',
      { waits: true, as: 'maps' },
    )
  for (const step of facts.cgroup?.join ?? []) writer.add(step)
}

/** setns into a pid namespace moves the children that are born afterwards, never the caller. pid_namespaces(7). */
function joinInParent(writer: PlanWriter, path: string): void {
  writer.parent(openHost(path, 0), `open the pid namespace ${path}`, { as: 'pid namespace' })
  writer.parent(
    { name: 'setns', fd: from('pid namespace'), nstype: CLONE.NEWPID },
    'have the child born in that pid namespace',
  )
}

function offsetLine(clock: string, { secs = 0, nanosecs = 0 }: LinuxTimeOffset): string {
  return `${clock} ${secs} ${nanosecs}\n`
}

/** In the child: joins what is given by path. */
export function planJoins(writer: PlanWriter, namespaces: Namespaces, except?: LinuxNamespaceType): void {
  const joined = joinOrder.filter((type) => type !== except && isJoined(namespaces, type))
  for (const type of joined) {
    const path = namespaces.get(type)!
    writer.child(openHost(path, 0), `open the ${type} namespace ${path}`, { as: `${type} namespace` })
  }
  for (const type of joined) join(writer, type)
}

function join(writer: PlanWriter, type: LinuxNamespaceType): void {
  writer.child(
    { name: 'setns', fd: from(`${type} namespace`), nstype: namespaceFlags[type] },
    `join the ${type} namespace`,
  )
}

/** Enters the user namespace that is open, for good. */
export function planUserEntry(writer: PlanWriter, namespaces: Namespaces): void {
  join(writer, 'user')
  planUnshared(writer, namespaces)
}

/** In the child: what the parent could not make for it. */
export function planUnshared(writer: PlanWriter, namespaces: Namespaces): void {
  let flags = isNew(namespaces, 'cgroup') ? CLONE.NEWCGROUP : 0
  let why = 'make the cgroup that the child is in the root of what it sees of cgroups'
  if (isJoined(namespaces, 'user')) {
    for (const type of ['mount', 'uts', 'ipc', 'network'] as const)
      if (isNew(namespaces, type)) flags |= namespaceFlags[type]
    why = 'make the new namespaces, owned by the user namespace that was joined'
  }
  if (flags !== 0) writer.child({ name: 'unshare', flags }, why)
}

/** A child in another user namespace is nobody there until it becomes its root. user_namespaces(7). */
export function planRootOfUserNamespace(writer: PlanWriter, namespaces: Namespaces): void {
  if (!namespaces.has('user')) return
  writer.child({ name: 'setresgid', rgid: 0, egid: 0, sgid: 0 }, 'become group 0 of the user namespace')
  writer.child({ name: 'setresuid', ruid: 0, euid: 0, suid: 0 }, 'become user 0 of the user namespace')
  if (!isWatched(namespaces)) stayVisible(writer, 'child')
}

/** Whether processes of another container see the child from its birth on. */
export function isWatched(namespaces: Namespaces): boolean {
  return (isJoined(namespaces, 'pid') || isJoined(namespaces, 'user')) && !isNew(namespaces, 'user')
}

/**
 * Whoever traces a process has its descriptors and its memory. Not to be dumped, it can be traced only with rights over the
 * user namespace that it was executed in, which nobody in a user namespace below has. ptrace(2).
 */
export function hideFromContainer(writer: PlanWriter): void {
  writer.parent(
    { name: 'prctl', option: PR.SET_DUMPABLE, arg2: 0, arg3: 0, arg4: 0, arg5: 0 },
    'have the child born so that no process of the container can trace it',
  )
}

/**
 * A process that changes its user or gains capabilities hides its /proc/PID and descriptors from everybody without
 * privilege: also from the runtime of a user who is not root. PR_SET_DUMPABLE(2const), ptrace(2).
 */
export function stayVisible(
  writer: PlanWriter,
  side: 'parent' | 'child',
  why = 'stay visible to the runtime: the change of user hid /proc/PID from it',
): void {
  writer[side]({ name: 'prctl', option: PR.SET_DUMPABLE, arg2: 1, arg3: 0, arg4: 0, arg5: 0 }, why)
}
