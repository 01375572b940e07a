// User ids of a task: asked for and changed. setuid(2), setreuid(2), setresuid(2), setfsuid(2), getresuid(2)

import { afterFileSystemUid, afterUserIds } from '../change-ids.ts'
import { commitCredentials } from '../commit-credentials.ts'
import { type Credentials, capable } from '../credentials.ts'
import type { KUid } from '../ids.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import { uint } from './arguments.ts'
import { threeIds } from './group-ids.ts'

/** An argument of -1: it stays as it is. */
const same = 0xffffffff

const unmapped = (call: string, id: number): Denied =>
  deny('EINVAL', 'USR-013', `${call}: the user namespace of the caller has no id ${id}`)
const forbidden = (call: string): Denied =>
  deny('EPERM', 'credentials(7)', `${call}: without CAP_SETUID only ids that the task has already can be taken`)
const maySet = (who: Credentials): boolean => capable(who, 'SETUID', who.namespace)

function idOf(who: Credentials, id: number, call: string): KUid | undefined | Denied {
  return id === same ? undefined : (who.namespace.kuid(id) ?? unmapped(call, id))
}

function become(task: Task, ids: Partial<Pick<Credentials, 'uid' | 'euid' | 'suid'>>): 0 {
  const old = task.credentials
  const made = { ...old, ...ids }
  commitCredentials(task, afterUserIds(old, { ...made, fsuid: made.euid }))
  return 0
}

function setuid(task: Task, id: number): number | Denied {
  const call = 'setuid(2)'
  const old = task.credentials
  const uid = old.namespace.kuid(id)
  if (uid === undefined) return unmapped(call, id)
  if (maySet(old)) return become(task, { uid, euid: uid, suid: uid })
  if (uid !== old.uid && uid !== old.suid) return forbidden(call)
  return become(task, { euid: uid })
}

function setreuid(task: Task, real: number, effective: number): number | Denied {
  const call = 'setreuid(2)'
  const old = task.credentials
  const uid = idOf(old, real, call)
  if (isDenied(uid)) return uid
  const euid = idOf(old, effective, call)
  if (isDenied(euid)) return euid
  if (uid !== undefined && uid !== old.uid && uid !== old.euid && !maySet(old)) return forbidden(call)
  if (euid !== undefined && euid !== old.uid && euid !== old.euid && euid !== old.suid && !maySet(old))
    return forbidden(call)
  const made = { uid: uid ?? old.uid, euid: euid ?? old.euid }
  const savesToo = uid !== undefined || (euid !== undefined && euid !== old.uid)
  return become(task, { ...made, suid: savesToo ? made.euid : old.suid })
}

function setresuid(task: Task, ids: readonly [real: number, effective: number, saved: number]): number | Denied {
  const call = 'setresuid(2)'
  const old = task.credentials
  const wanted: (KUid | undefined)[] = []
  for (const id of ids) {
    const uid = idOf(old, id, call)
    if (isDenied(uid)) return uid
    wanted.push(uid)
  }
  const [uid, euid, suid] = wanted
  // Nothing asked for leaves also the file system's id alone.
  if ((uid ?? old.uid) === old.uid && (suid ?? old.suid) === old.suid)
    if (euid === undefined || (euid === old.euid && euid === old.fsuid)) return 0
  const has = (id: KUid | undefined): boolean =>
    id === undefined || id === old.uid || id === old.euid || id === old.suid
  if (!(has(uid) && has(euid) && has(suid)) && !maySet(old)) return forbidden(call)
  return become(task, { uid: uid ?? old.uid, euid: euid ?? old.euid, suid: suid ?? old.suid })
}

/** It never fails: the answer is the id before, and nothing tells whether it took effect. */
function setfsuid(task: Task, id: number): number {
  const old = task.credentials
  const before = old.namespace.shownUid(old.fsuid)
  const fsuid = old.namespace.kuid(id)
  if (fsuid === undefined || fsuid === old.fsuid) return before
  if (fsuid === old.uid || fsuid === old.euid || fsuid === old.suid || maySet(old))
    commitCredentials(task, afterFileSystemUid(old, { ...old, fsuid }))
  return before
}

export const calls: Calls = {
  geteuid: full(({ credentials: { namespace, euid } }) => namespace.shownUid(euid)),
  getresuid: full(({ credentials: { namespace, uid, euid, suid } }) =>
    threeIds([uid, euid, suid].map((id) => namespace.shownUid(id))),
  ),
  getuid: full(({ credentials: { namespace, uid } }) => namespace.shownUid(uid)),
  setfsuid: full((task, { fsuid }) => setfsuid(task, uint(fsuid))),
  setresuid: full((task, { ruid, euid, suid }) => setresuid(task, [uint(ruid), uint(euid), uint(suid)])),
  setreuid: full((task, { ruid, euid }) => setreuid(task, uint(ruid), uint(euid))),
  setuid: full((task, { uid }) => setuid(task, uint(uid))),
}
