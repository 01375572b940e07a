// The last stretch: from the runtime's child to the container's program. OCI config.md, "Process"; execve(2).

import { UserError } from '../errors.ts'
import { rlimitNames, signalName } from '../spec/names.ts'
import type { POSIXRlimit, Process } from '../spec/types.ts'
import { capabilitySets, grantable, planBoundingSet, planCapabilitySets } from './capabilities.ts'
import {
  CLOSE_RANGE_CLOEXEC,
  F_SETFD,
  KEYCTL_JOIN_SESSION_KEYRING,
  O,
  PR,
  SECCOMP_SET_MODE_FILTER,
  SIG_SETMASK,
} from './constants.ts'
import { ignoredByNode, type LaunchFacts } from './facts.ts'
import { stayVisible } from './namespaces.ts'
import { listenerWait, preservedFd, startFd } from './plan.ts'
import { cleanPath } from './planned-mount.ts'
import { planExecve } from './program.ts'
import { listMask } from './scheduling.ts'
import type { CompiledSeccomp } from './seccomp/compile.ts'
import { planProcessLabel } from './selinux.ts'
import { childStep, from, openHost, openInside, type PlanWriter, root } from './writer.ts'

/** What is wrong with a process, found before anything is made. */
export function checkProcess(process: Process): void {
  for (const when of ['initial', 'final'] as const) {
    const list = process.execCPUAffinity?.[when]
    if (list) listMask(list, `process.execCPUAffinity.${when}`, 'CPUs')
  }
  if (!process.args?.length) throw new UserError('process.args: a container needs a program to run')
  if (!process.cwd.startsWith('/')) throw new UserError(`process.cwd: ${process.cwd}: must be an absolute path`)
}

/** Early, while the host's /proc can be reached. */
export function planOomScore(
  writer: PlanWriter,
  { oomScoreAdj }: Process,
  facts: LaunchFacts,
  side: 'parent' | 'child',
): void {
  if (oomScoreAdj !== undefined && oomScoreAdj !== facts.oomScoreAdj) {
    writer[side](openHost('/proc/self/oom_score_adj', O.WRONLY), 'open the score for the out-of-memory killer', {
      as: 'oom score',
    })
    writer[side](
      { name: 'write', fd: from('oom score'), buf: String(oomScoreAdj) },
      `set oom_score_adj to ${oomScoreAdj} (to lower it needs CAP_SYS_RESOURCE)`,
    )
  }
}

/** Early too: what else is set through files of one's own process, and the session. */
export function planSession(writer: PlanWriter, process: Process, { keepsKeyring }: LaunchFacts): void {
  planAppArmor(writer, process.apparmorProfile)
  planProcessLabel(writer, process.selinuxLabel)
  writer.child({ name: 'setsid' }, 'begin a session of its own')
  if (keepsKeyring) return
  writer.child(
    { name: 'keyctl', operation: KEYCTL_JOIN_SESSION_KEYRING, arg2: null, arg3: 0, arg4: 0, arg5: 0 },
    "leave the keys of the caller's session",
    // A kernel without keys, or a sandbox around us that forbids the call: then no key can be reached either.
    { tolerate: ['ENOSYS', 'EPERM'] },
  )
}

/** The profile that the program will run under from its execve on. apparmor(7), aa_change_onexec(2). */
function planAppArmor(writer: PlanWriter, profile: string | undefined): void {
  if (!profile || profile === 'unconfined') return
  const as = 'profile'
  const why = 'open what AppArmor will confine the program to'
  writer.child(openHost('/proc/self/attr/apparmor/exec', O.WRONLY), why, {
    as,
    // Before Linux 5.8 AppArmor had no directory of its own.
    tolerate: ['ENOENT'],
    otherwise: [childStep(openHost('/proc/self/attr/exec', O.WRONLY), why, { as })],
  })
  writer.child(
    { name: 'write', fd: from(as), buf: `exec ${profile}` },
    `confine the program by the AppArmor profile ${profile}`,
  )
}

/**
 * Opens the working directory inside the root, without magic links: a descriptor of the host that is still open cannot
 * be reached through /proc/self/fd. Made when it is missing, as other runtimes do.
 */
export function planWorkingDirectory(writer: PlanWriter, process: Process): void {
  const path = cleanPath(process.cwd)
  const label = path === '/' ? root : 'working directory'
  if (path !== '/') writer.destination(path, 'directory', label)
  writer.child({ name: 'fchdir', fd: from(label) }, `stand in the working directory ${path}`)
}

/** exec: the working directory must be there. */
export function planExistingWorkingDirectory(writer: PlanWriter, process: Process): void {
  const path = cleanPath(process.cwd)
  writer.add(openInside(path, 'working directory', `find ${path}`, { flags: O.PATH | O.DIRECTORY }))
  writer.child({ name: 'fchdir', fd: from('working directory') }, `stand in the working directory ${path}`)
}

/** config.md, "Hooks": after the namespaces were made, before the root is changed. */
export function planHookWait(writer: PlanWriter): void {
  writer.child(
    { name: 'read', fd: startFd, buf: 1 },
    'wait for the hooks: they see the namespaces, and the files of the host',
    { waits: true, as: 'hooks' },
  )
}

export function planWait(writer: PlanWriter, facts: LaunchFacts): void {
  if (facts.waitsForStart)
    writer.child(
      { name: 'read', fd: startFd, buf: 1 },
      'wait for the start: the container is complete but for its program',
      { waits: true, as: 'start' },
    )
}

/** User, rights and limits, in the order in which each can still be set; then the program. */
export function planProgram(writer: PlanWriter, process: Process, facts: LaunchFacts, inUserNamespace: boolean): void {
  planSignals(writer, facts)
  if (!process.terminal)
    for (const fd of [0, 1, 2])
      writer.child({ name: 'fcntl', fd, cmd: F_SETFD, arg: 0 }, `keep descriptor ${fd} for the program`)
  planDescriptors(writer)
  planPreserved(writer, facts.preserveFds ?? 0)
  for (const limit of process.rlimits ?? []) planRlimit(writer, limit)
  const have = grantable(facts, inUserNamespace)
  const sets = capabilitySets(process.capabilities, have)
  if (facts.seccomp && !process.noNewPrivileges) planSeccomp(writer, facts.seccomp)
  planBoundingSet(writer, sets, have, facts.lastCapability)
  planUser(writer, process, facts, sets.permitted !== 0n)
  planCapabilitySets(writer, sets, have, facts.lastCapability)
  if (process.noNewPrivileges)
    writer.child(
      { name: 'prctl', option: PR.SET_NO_NEW_PRIVS, arg2: 1, arg3: 0, arg4: 0, arg5: 0 },
      'let no program gain privileges',
    )
  if (facts.seccomp && process.noNewPrivileges) planSeccomp(writer, facts.seccomp)
  planExecve(writer, process)
}

/**
 * What is open on the host is closed while nobody in the container may look at this process yet: as soon as it has no more
 * rights than they, they could take a descriptor from /proc/PID/fd. The executor's own, from `startFd` on, lead nowhere
 * and are needed to tell why the program cannot be executed.
 */
export function planDescriptors(writer: PlanWriter): void {
  writer.child(
    { name: 'close_range', first: 3, last: startFd - 1, flags: 0 },
    'close every descriptor that leads out of the container',
  )
  writer.child(
    { name: 'close_range', first: startFd, last: 0xffffffff, flags: CLOSE_RANGE_CLOEXEC },
    "have the runtime's own descriptors closed when the program starts",
  )
}

/** What the caller hands on: by now nothing else has these numbers. */
function planPreserved(writer: PlanWriter, count: number): void {
  for (let i = 0; i < count; i++)
    writer.child(
      { name: 'dup3', oldfd: preservedFd + i, newfd: 3 + i, flags: 0 },
      `hand on the caller's descriptor ${3 + i}`,
    )
}

/** For a child that others could see while it had more than they may have: it can be looked at now. */
export function planVisibility(writer: PlanWriter): void {
  planDescriptors(writer)
  stayVisible(writer, 'child', 'be visible again to the runtime, now that nothing of the host is open')
}

/** Ignored signals and the mask survive execve(2); a program expects neither. */
function planSignals(writer: PlanWriter, facts: LaunchFacts): void {
  for (const signum of facts.ignoredSignals ?? ignoredByNode)
    writer.child(
      { name: 'rt_sigaction', signum, act: { handler: 0 }, oldact: 0, sigsetsize: 8 },
      `stop ignoring ${signalName(signum)}, as the caller does`,
    )
  writer.child({ name: 'rt_sigprocmask', how: SIG_SETMASK, set: 0n, oldset: 0, sigsetsize: 8 }, 'block no signal')
}

function planRlimit(writer: PlanWriter, { type, soft, hard }: POSIXRlimit): void {
  const resource = (rlimitNames as readonly string[]).indexOf(type)
  if (resource < 0) throw new UserError(`process.rlimits: ${type}: Linux has no such limit`)
  const new_limit = { soft: limitValue(soft), hard: limitValue(hard) }
  if (new_limit.soft > new_limit.hard)
    throw new UserError(`process.rlimits: ${type}: soft ${soft} is above hard ${hard}`)
  writer.child(
    { name: 'prlimit64', pid: 0, resource, new_limit, old_limit: 0 },
    `set ${type} (to raise its hard limit needs CAP_SYS_RESOURCE)`,
  )
}

const RLIM_INFINITY = 2n ** 64n - 1n

/** Numbers from 2^64 on, and -1, mean no limit. */
function limitValue(value: number): bigint {
  return value < 0 || value >= 2 ** 64 ? RLIM_INFINITY : BigInt(value)
}

function planUser(writer: PlanWriter, process: Process, facts: LaunchFacts, keep: boolean): void {
  const { uid, gid, umask = 0o022, additionalGids = [] } = process.user
  if (!facts.setgroupsDenied)
    writer.child({ name: 'setgroups', list: additionalGids }, 'have no groups but those of the container')
  else if (additionalGids.length > 0)
    throw new UserError(
      'process.user.additionalGids: a user namespace with a single mapping has no additional groups; leave them out, or map more ids (/etc/subgid)',
    )
  if (keep && uid !== 0)
    writer.child(
      { name: 'prctl', option: PR.SET_KEEPCAPS, arg2: 1, arg3: 0, arg4: 0, arg5: 0 },
      'keep the permitted capabilities over the change of user',
    )
  writer.child({ name: 'setresgid', rgid: gid, egid: gid, sgid: gid }, `become group ${gid}`)
  writer.child({ name: 'setresuid', ruid: uid, euid: uid, suid: uid }, `become user ${uid}`)
  writer.child({ name: 'umask', mask: umask }, `make files with umask ${umask.toString(8).padStart(4, '0')}`)
}

function planSeccomp(writer: PlanWriter, { program, flags, notifies }: CompiledSeccomp): void {
  writer.child(
    { name: 'seccomp', operation: SECCOMP_SET_MODE_FILTER, flags, args: program },
    'filter the system calls of the program',
  )
  if (notifies)
    writer.child(
      { name: 'read', fd: startFd, buf: 1 },
      'wait until the listener of its system calls has the descriptor that they are read from',
      { waits: true, as: listenerWait },
    )
}
