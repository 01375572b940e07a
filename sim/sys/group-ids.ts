// Group ids of a task, the supplementary ones too: asked for and changed. setgid(2), setresgid(2), setgroups(2)

import { commitCredentials } from '../commit-credentials.ts'
import { type Credentials, capable } from '../credentials.ts'
import type { KGid } from '../ids.ts'
import { type Denied, type Done, deny, isDenied, type Outcome } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import { int, uint } from './arguments.ts'

/** An argument of -1: it stays as it is. */
const same = 0xffffffff
const groupsMax = 65_536

const unmapped = (call: string, id: number): Denied =>
  deny('EINVAL', 'USR-013', `${call}: the user namespace of the caller has no group id ${id}`)
const forbidden = (call: string): Denied =>
  deny('EPERM', 'credentials(7)', `${call}: without CAP_SETGID only ids that the task has already can be taken`)
const maySet = (who: Credentials): boolean => capable(who, 'SETGID', who.namespace)

/** Three 32-bit numbers, as getresuid(2) and getresgid(2) give them. */
export function threeIds(ids: readonly number[]): Done {
  return { value: 0, data: words(ids) }
}

function words(ids: readonly number[]): Uint8Array {
  const data = new Uint8Array(4 * ids.length)
  const view = new DataView(data.buffer)
  for (let at = 0; at < ids.length; at++) view.setUint32(4 * at, ids[at]!, true)
  return data
}

function idOf(who: Credentials, id: number, call: string): KGid | undefined | Denied {
  return id === same ? undefined : (who.namespace.kgid(id) ?? unmapped(call, id))
}

function become(task: Task, ids: Partial<Pick<Credentials, 'gid' | 'egid' | 'sgid'>>): 0 {
  const made = { ...task.credentials, ...ids }
  commitCredentials(task, { ...made, fsgid: made.egid })
  return 0
}

function setgid(task: Task, id: number): number | Denied {
  const call = 'setgid(2)'
  const old = task.credentials
  const gid = old.namespace.kgid(id)
  if (gid === undefined) return unmapped(call, id)
  if (maySet(old)) return become(task, { gid, egid: gid, sgid: gid })
  if (gid !== old.gid && gid !== old.sgid) return forbidden(call)
  return become(task, { egid: gid })
}

function setregid(task: Task, real: number, effective: number): number | Denied {
  const call = 'setregid(2)'
  const old = task.credentials
  const gid = idOf(old, real, call)
  if (isDenied(gid)) return gid
  const egid = idOf(old, effective, call)
  if (isDenied(egid)) return egid
  if (gid !== undefined && gid !== old.gid && gid !== old.egid && !maySet(old)) return forbidden(call)
  if (egid !== undefined && egid !== old.gid && egid !== old.egid && egid !== old.sgid && !maySet(old))
    return forbidden(call)
  const made = { gid: gid ?? old.gid, egid: egid ?? old.egid }
  const savesToo = gid !== undefined || (egid !== undefined && egid !== old.gid)
  return become(task, { ...made, sgid: savesToo ? made.egid : old.sgid })
}

function setresgid(task: Task, ids: readonly [real: number, effective: number, saved: number]): number | Denied {
  const call = 'setresgid(2)'
  const old = task.credentials
  const wanted: (KGid | undefined)[] = []
  for (const id of ids) {
    const gid = idOf(old, id, call)
    if (isDenied(gid)) return gid
    wanted.push(gid)
  }
  const [gid, egid, sgid] = wanted
  if ((gid ?? old.gid) === old.gid && (sgid ?? old.sgid) === old.sgid)
    if (egid === undefined || (egid === old.egid && egid === old.fsgid)) return 0
  const has = (id: KGid | undefined): boolean =>
    id === undefined || id === old.gid || id === old.egid || id === old.sgid
  if (!(has(gid) && has(egid) && has(sgid)) && !maySet(old)) return forbidden(call)
  return become(task, { gid: gid ?? old.gid, egid: egid ?? old.egid, sgid: sgid ?? old.sgid })
}

/** It never fails: the answer is the id before. */
function setfsgid(task: Task, id: number): number {
  const old = task.credentials
  const before = old.namespace.shownGid(old.fsgid)
  const fsgid = old.namespace.kgid(id)
  if (fsgid === undefined || fsgid === old.fsgid) return before
  if (fsgid === old.gid || fsgid === old.egid || fsgid === old.sgid || maySet(old))
    commitCredentials(task, { ...old, fsgid })
  return before
}

function setgroups(task: Task, list: readonly number[]): number | Denied {
  const call = 'setgroups(2)'
  const old = task.credentials
  const { namespace } = old
  if (!maySet(old)) return deny('EPERM', 'setgroups(2)', `${call}: it needs CAP_SETGID`)
  if (namespace.gidMap === undefined)
    return deny('EPERM', 'USR-011', `${call}: not before gid_map of the user namespace is written`)
  if (namespace.setgroups === 'deny')
    return deny('EPERM', 'USR-010', `${call}: denied for the user namespace, see /proc/PID/setgroups`)
  if (list.length > groupsMax) return deny('EINVAL', 'setgroups(2)', `${call}: at most ${groupsMax} groups`)
  const groups: KGid[] = []
  for (const id of list) {
    const gid = namespace.kgid(id >>> 0)
    if (gid === undefined) return unmapped(call, id)
    groups.push(gid)
  }
  commitCredentials(task, { ...old, groups: groups.sort((a, b) => a - b) })
  return 0
}

function getgroups(task: Task, size: number): Outcome {
  const { groups, namespace } = task.credentials
  if (size < 0 || (size > 0 && size < groups.length))
    return deny('EINVAL', 'getgroups(2)', 'getgroups(2): the list has no room for all groups')
  if (size === 0) return { value: groups.length }
  return { value: groups.length, data: words(groups.map((gid) => namespace.shownGid(gid))) }
}

export const calls: Calls = {
  getegid: full(({ credentials: { namespace, egid } }) => namespace.shownGid(egid)),
  getgid: full(({ credentials: { namespace, gid } }) => namespace.shownGid(gid)),
  getgroups: full((task, { size }) => getgroups(task, int(size))),
  getresgid: full(({ credentials: { namespace, gid, egid, sgid } }) =>
    threeIds([gid, egid, sgid].map((id) => namespace.shownGid(id))),
  ),
  setfsgid: full((task, { fsgid }) => setfsgid(task, uint(fsgid))),
  setgid: full((task, { gid }) => setgid(task, uint(gid))),
  setgroups: full((task, { list }) => setgroups(task, list)),
  setregid: full((task, { rgid, egid }) => setregid(task, uint(rgid), uint(egid))),
  setresgid: full((task, { rgid, egid, sgid }) => setresgid(task, [uint(rgid), uint(egid), uint(sgid)])),
}
