// Who may look at a process through proc: hidepid, and the rights of ptrace. proc(5), has_pid_permissions() in fs/proc/base.c

import { mayAccess, readByPath } from '../access.ts'
import { type KGid, type KUid, rootGid, rootUid } from '../ids.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import { inGroup } from '../vfs/permission.ts'
import type { Owner } from '../vfs/pseudo.ts'
import type { ProcSuperblock } from './superblock.ts'

/** Undefined: it may. A process is hidden as the instance says (PID-035). */
export function mayLook(reader: Task, of: Task, superblock: ProcSuperblock): Denied | undefined {
  const { hidePid, exempt } = superblock
  if (hidePid === 'off') return undefined
  if (hidePid !== 'ptraceable' && inGroup(reader.credentials, exempt)) return undefined
  if (mayAccess(reader, of, readByPath) === undefined) return undefined
  if (hidePid === 'noaccess')
    return deny('EPERM', 'PID-035', 'proc(5): hidepid=noaccess, and the process may not be looked into')
  return deny('ENOENT', 'PID-035', `proc(5): hidepid=${hidePid}, and the process may not be looked into`)
}

/** The rights that magic links and what tells of memory ask for. EACCES otherwise (PID-108). */
export function mayLookInto(reader: Task, of: Task): Denied | undefined {
  const refusal = mayAccess(reader, of, readByPath, 'proc(5)')
  return refusal && deny('EACCES', 'PID-108', refusal.sentence)
}

/** Who owns the files of a process: itself, or root where it cannot be dumped. task_dump_owner() */
export function ownerOfProcess(of: Task, isOpenDirectory: boolean): Owner {
  const { credentials, process } = of
  if (isOpenDirectory || process.image.dumpable) return { uid: credentials.euid, gid: credentials.egid }
  const { namespace } = process.image
  return { uid: (namespace.kuid(0) ?? rootUid) as KUid, gid: (namespace.kgid(0) ?? rootGid) as KGid }
}

/** The number that a name is; undefined for others, and for zeros in front. name_to_int() in fs/proc/util.c */
export function pidOf(name: string): number | undefined {
  return /^(0|[1-9]\d{0,9})$/.test(name) ? Number(name) : undefined
}
