// uid_map, gid_map, projid_map and setgroups of a process: what may be written there, and what each reader sees.
// user_namespaces(7), map_write() in kernel/user_namespace.c

import { type Credentials, capable } from '../credentials.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import { decode } from '../vfs/utf8.ts'
import { type IdRange, outwardRange } from './id-map.ts'
import type { UserNamespace } from './user.ts'

export type IdKind = 'uid' | 'gid' | 'projid'
type MapName = 'uidMap' | 'gidMap' | 'projidMap'

const mapOf: Readonly<Record<IdKind, MapName>> = { uid: 'uidMap', gid: 'gidMap', projid: 'projidMap' }
const capabilityOf = { uid: 'SETUID', gid: 'SETGID' } as const
const linesMax = 340
const pageBytes = 4096
const noId = 4294967295

/**
 * A write(2) into a map file of a namespace.
 *
 * @param namespace - that of the process when its file was opened
 * @param opener - the credentials of the description: rights are asked of them, and of the writer where two are needed
 * @errors EPERM, EINVAL in Linux's order (USR-005 to USR-009, USR-031, USR-035, USR-101, USR-102)
 */
export function writeIdMap(
  task: Task,
  namespace: UserNamespace,
  kind: IdKind,
  bytes: Uint8Array,
  offset: number,
  opener: Credentials,
): number | Denied {
  const { parent } = namespace
  if (parent === undefined) return refuse(kind, 'EPERM', 'USR-006', 'the initial user namespace has its map')
  if (opener.namespace !== namespace && opener.namespace !== parent)
    return refuse(kind, 'EPERM', 'USR-101', 'who opened it is neither in the user namespace nor in its parent')
  if (offset !== 0 || bytes.length >= pageBytes)
    return refuse(kind, 'EINVAL', 'USR-007b', 'a map is one write at the start, of less than a page')
  if (namespace[mapOf[kind]] !== undefined) return refuse(kind, 'EPERM', 'USR-006', 'a map is written once')
  if (kind !== 'projid' && !capable(opener, 'SYS_ADMIN', namespace))
    return refuse(kind, 'EPERM', 'USR-101', 'who opened it has no CAP_SYS_ADMIN in the user namespace')
  const ranges = parse(decode(bytes), kind)
  if (isDenied(ranges)) return ranges
  const refusal = kind === 'projid' ? undefined : permitted(task, namespace, parent, kind, ranges, opener)
  if (refusal) return refusal
  const mapped: IdRange[] = []
  for (const { inside, outside, count } of ranges) {
    const first = outwardRange(parent[mapOf[kind]] ?? [], outside, count)
    if (first === undefined)
      return refuse(kind, 'EPERM', 'USR-031', 'not every outside id is mapped in the parent, in one range of it')
    mapped.push({ inside, outside: first, count })
  }
  namespace[mapOf[kind]] = mapped
  return bytes.length
}

function refuse(kind: IdKind, errno: 'EPERM' | 'EINVAL', rule: string, why: string): Denied {
  return deny(errno, rule, `write to ${kind}_map: ${why}`)
}

/** Lines `inside outside count`; ids as the parent says them. */
function parse(text: string, kind: IdKind): readonly IdRange[] | Denied {
  const end = text.indexOf('\0')
  const lines = (end < 0 ? text : text.slice(0, end)).split('\n')
  if (lines.length > 1 && lines.at(-1) === '') lines.pop()
  const ranges: IdRange[] = []
  for (const line of lines) {
    // The kernel's isspace(3) knows the same blanks; a number beyond 32 bits loses its upper ones.
    const match = /^[ \t\v\f\r]*(\d+)[ \t\v\f\r]+(\d+)[ \t\v\f\r]+(\d+)[ \t\v\f\r]*$/.exec(line)
    if (match === null) return refuse(kind, 'EINVAL', 'USR-005', 'a line has three decimal numbers')
    const [inside, outside, count] = match.slice(1).map((digits) => Number(BigInt.asUintN(32, BigInt(digits))))
    const range = { inside: inside!, outside: outside!, count: count! }
    if (inside === noId || outside === noId) return refuse(kind, 'EINVAL', 'USR-005', '4294967295 is no id')
    if (count === 0 || inside! + count! > noId || outside! + count! > noId)
      return refuse(kind, 'EINVAL', 'USR-005', 'a range is empty, or goes beyond the last id')
    if (ranges.some((other) => overlap(other, range))) return refuse(kind, 'EINVAL', 'USR-005', 'ranges overlap')
    if (ranges.length === linesMax) return refuse(kind, 'EINVAL', 'USR-007', 'a map has at most 340 lines')
    ranges.push(range)
  }
  return ranges
}

function overlap(a: IdRange, b: IdRange): boolean {
  const meet = (first: number, second: number): boolean => first < second + b.count && second < first + a.count
  return meet(a.inside, b.inside) || meet(a.outside, b.outside)
}

/** new_idmap_permitted() in kernel/user_namespace.c */
function permitted(
  task: Task,
  namespace: UserNamespace,
  parent: UserNamespace,
  kind: 'uid' | 'gid',
  ranges: readonly IdRange[],
  opener: Credentials,
): Denied | undefined {
  const { kernel } = task
  if (kind === 'uid' && kernel.since(5, 12) && !mayMapRoot(namespace, parent, ranges, opener))
    return refuse(kind, 'EPERM', 'USR-035', 'mapping the 0 of the parent needs CAP_SETFCAP there')
  const [first] = ranges
  if (ranges.length === 1 && first!.count === 1 && namespace.ownerUid === opener.euid) {
    if (kind === 'uid' && parent.kuid(first!.outside) === opener.euid) return undefined
    if (kind === 'gid' && parent.kgid(first!.outside) === opener.egid && namespace.setgroups === 'deny')
      return undefined
  }
  const capability = capabilityOf[kind]
  if (capable(task.credentials, capability, parent) && capable(opener, capability, parent)) return undefined
  if (kind === 'gid' && namespace.setgroups === 'allow')
    return refuse(kind, 'EPERM', 'USR-009b', 'without CAP_SETGID in the parent, `deny` goes to setgroups first')
  if (capable(task.credentials, capability, parent))
    return refuse(kind, 'EPERM', 'USR-102', `who opened it has no CAP_${capability} in the parent`)
  return refuse(
    kind,
    'EPERM',
    'USR-009',
    `without CAP_${capability} in the parent only the effective id of the creator can be mapped, in one line of one id`,
  )
}

/** verify_root_map() */
function mayMapRoot(
  namespace: UserNamespace,
  parent: UserNamespace,
  ranges: readonly IdRange[],
  opener: Credentials,
): boolean {
  if (!ranges.some(({ outside }) => outside === 0)) return true
  if (opener.namespace === namespace) return namespace.couldSetFileCapabilities
  return capable(opener, 'SETFCAP', parent)
}

/** What a read(2) of a map file gives: the outside ids as the reader's namespace says them (USR-030). */
export function readIdMap(namespace: UserNamespace, kind: IdKind, opener: Credentials): string {
  const reader = opener.namespace === namespace ? (namespace.parent ?? namespace) : opener.namespace
  const shown = (id: number): number => reader.shownRange(mapOf[kind], id) ?? noId
  const column = (value: number): string => String(value).padStart(10)
  return (namespace[mapOf[kind]] ?? [])
    .map(({ inside, outside, count }) => `${column(inside)} ${column(shown(outside))} ${column(count)}\n`)
    .join('')
}

/** Whether the setgroups file may be opened for writing; EACCES at open(2). proc_setgroups_open() in fs/proc/base.c */
export function mayOpenSetgroups(task: Task, namespace: UserNamespace): Denied | undefined {
  if (capable(task.credentials, 'SYS_ADMIN', namespace)) return undefined
  return deny(
    'EACCES',
    'USR-010',
    'open of setgroups: writing needs CAP_SYS_ADMIN in the user namespace of the process',
  )
}

/** A write(2) into the setgroups file (USR-010, USR-011, USR-012). */
export function writeSetgroups(namespace: UserNamespace, bytes: Uint8Array, offset: number): number | Denied {
  const call = 'write to setgroups'
  const match = bytes.length < 8 && offset === 0 ? /^(allow|deny)\s*$/.exec(decode(bytes)) : null
  if (match === null) return deny('EINVAL', 'USR-010', `${call}: it takes allow or deny`)
  if (match[1] === 'allow') {
    if (namespace.setgroups === 'deny') return deny('EPERM', 'USR-012', `${call}: what was denied stays denied`)
    return bytes.length
  }
  if (namespace.gidMap !== undefined)
    return deny('EPERM', 'USR-010', `${call}: after gid_map was written it is too late to deny`)
  namespace.setgroups = 'deny'
  return bytes.length
}
