// /proc/PID/status. proc_pid_status(5)

import { mappedPages, residentPages, swappedPages } from '../address-space.ts'
import { firstCpus, listText } from '../cpu/mask.ts'
import { limitOf, RLIMIT } from '../life/limits.ts'
import { pageBytes } from '../memory.ts'
import type { PidEntry } from '../ns/pid.ts'
import type { Task } from '../task.ts'
import type { Reading } from './process-directory.ts'
import { bitsOf, parentNumber, signalSets, stateOf, stateWords, threadCount } from './state.ts'

const hex16 = (value: bigint): string => value.toString(16).padStart(16, '0')
const kib = (pages: number): string => `${String((pages * pageBytes) / 1024).padStart(8)} kB`

/** Newlines and backslashes in a name are written as escapes. */
const escaped = (comm: string): string => comm.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')

export function statusText({ of, reader, superblock }: Reading): string {
  const { process, credentials, entry } = of
  const { namespace } = superblock
  const viewer = reader.credentials.namespace
  const uids = [credentials.uid, credentials.euid, credentials.suid, credentials.fsuid]
  const gids = [credentials.gid, credentials.egid, credentials.sgid, credentials.fsgid]
  const state = stateOf(of, reader)
  const numbers = (of: PidEntry): string =>
    of.namespace.isBelow(namespace) ? of.numbers.slice(namespace.level).join('\t') : '0'
  const { ignored, caught } = signalSets(of)
  const rows: (readonly [string, string | number])[] = [
    ['Name', escaped(of.comm)],
    ...(of.alive ? ([['Umask', of.fs.umask.toString(8).padStart(4, '0')]] as const) : []),
    ['State', `${state} (${stateWords[state]})`],
    ['Tgid', process.leader.entry.in(namespace) ?? 0],
    ['Ngid', 0],
    ['Pid', entry.in(namespace) ?? 0],
    ['PPid', parentNumber(of, namespace)],
    ['TracerPid', 0],
    ['Uid', uids.map((uid) => viewer.shownUid(uid)).join('\t')],
    ['Gid', gids.map((gid) => viewer.shownGid(gid)).join('\t')],
    ['FDSize', of.alive ? 64 : 0],
    ['Groups', `${credentials.groups.map((gid) => viewer.shownGid(gid)).join(' ')} `],
    ['NStgid', numbers(process.leader.entry)],
    ['NSpid', numbers(entry)],
    ['NSpgid', numbers(process.group)],
    ['NSsid', numbers(process.session)],
    ...(of.kernel.since(6, 10) ? ([['Kthread', 0]] as const) : []),
    ...(of.alive ? memoryRows(of) : []),
    ['Threads', threadCount(of)],
    ['SigQ', `${of.pending.length + process.pending.length}/${limitOf(of, RLIMIT.SIGPENDING).soft ?? 0}`],
    ['SigPnd', hex16(bitsOf(of.pending))],
    ['ShdPnd', hex16(bitsOf(process.pending))],
    ['SigBlk', hex16(of.signalMask)],
    ['SigIgn', hex16(ignored)],
    ['SigCgt', hex16(caught)],
    ['CapInh', hex16(credentials.inheritable)],
    ['CapPrm', hex16(credentials.permitted)],
    ['CapEff', hex16(credentials.effective)],
    ['CapBnd', hex16(credentials.bounding)],
    ['CapAmb', hex16(credentials.ambient)],
    ['NoNewPrivs', of.noNewPrivileges ? 1 : 0],
    ['Seccomp', of.seccomp === undefined ? 0 : of.seccomp.program === undefined ? 1 : 2],
    ['Seccomp_filters', filterCount(of.seccomp)],
    ['Speculation_Store_Bypass', 'not vulnerable'],
    ['SpeculationIndirectBranch', 'not affected'],
    ['Cpus_allowed', allowedCpus(of).toString(16)],
    ['Cpus_allowed_list', listText(allowedCpus(of))],
    ['Mems_allowed', 1],
    ['Mems_allowed_list', 0],
    ['voluntary_ctxt_switches', 0],
    ['nonvoluntary_ctxt_switches', 0],
  ]
  return rows.map(([title, value]) => `${title}:\t${value}\n`).join('')
}

function memoryRows({ process }: Reading['of']): (readonly [string, string])[] {
  const { space } = process.image
  const [size, resident, swapped] = space ? [mappedPages(space), residentPages(space), swappedPages(space)] : [0, 0, 0]
  return [
    ['VmPeak', kib(size)],
    ['VmSize', kib(size)],
    ['VmLck', kib(space?.regions.reduce((sum, { locked, start, end }) => sum + (locked ? end - start : 0), 0) ?? 0)],
    ['VmPin', kib(0)],
    ['VmHWM', kib(resident)],
    ['VmRSS', kib(resident)],
    ['RssAnon', kib(resident)],
    ['RssFile', kib(0)],
    ['RssShmem', kib(0)],
    ['VmData', kib(size)],
    ['VmStk', kib(0)],
    ['VmExe', kib(0)],
    ['VmLib', kib(0)],
    ['VmPTE', kib(0)],
    ['VmSwap', kib(swapped)],
    ['HugetlbPages', kib(0)],
    ['CoreDumping', '0'],
    ['THP_enabled', process.image.hugePagesDisabled ? '0' : '1'],
  ]
}

/** The strict mode counts as none. */
function filterCount(filter: Reading['of']['seccomp']): number {
  let count = 0
  for (let at = filter; at?.program; at = at.previous) count++
  return count
}

const allowedCpus = (of: Task) => of.kernel.cpuset?.allowed(of) ?? firstCpus(of.kernel.config.cpus)
