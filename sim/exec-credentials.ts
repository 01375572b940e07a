// Credentials after execve(2): setuid and setgid programs, capabilities of files, root, no_new_privs. bprm_fill_uid() in
// fs/exec.c, cap_bprm_creds_from_file() in security/commoncap.c, capabilities(7)

import { allCapabilities, type Credentials, capable } from './credentials.ts'
import { capabilityXattr, countIn, readCapabilities } from './file-capabilities.ts'
import type { KUid } from './ids.ts'
import { type Denied, deny } from './outcome.ts'
import { SECBIT } from './securebits.ts'
import type { Task } from './task.ts'
import type { Path } from './vfs/path.ts'
import { groupOf, inGroup, ownerOf } from './vfs/permission.ts'
import { setgid, setuid } from './vfs/rights.ts'

const groupExecute = 0o010

export interface ExecCredentials {
  readonly credentials: Credentials
  /** AT_SECURE: it runs with more than its caller had; dumpable is off, PDEATHSIG forgotten. */
  readonly secure: boolean
}

interface FromFile {
  readonly permitted: bigint
  readonly effective: boolean
  readonly present: boolean
}
const nothingFromFile: FromFile = { permitted: 0n, effective: false, present: false }

/**
 * Who a program will be that a task is about to run. The task is as it was; execve(2) commits the answer.
 *
 * @param program - the file that is run; of a script the interpreter (setuid scripts are just programs without it)
 * @errors EPERM the file demands capabilities that the bounding set lacks; EINVAL its capabilities cannot be read
 */
export function execCredentials(task: Task, program: Path): ExecCredentials | Denied {
  const old = task.credentials
  const ids = idsOfProgram(task, program)
  const file = maySuid(task, program) ? fromFile(old, program) : nothingFromFile
  if ('errno' in file) return file
  const namespaceRoot = old.namespace.kuid(0)
  let { permitted, effective } = file
  const rootMeansAll = !(old.securebits & SECBIT.NOROOT)
  const becomesRootBySetuid = ids.euid === namespaceRoot && old.uid !== namespaceRoot
  if (rootMeansAll && namespaceRoot !== undefined && !(file.present && becomesRootBySetuid)) {
    if (ids.euid === namespaceRoot || old.uid === namespaceRoot) permitted = old.bounding | old.inheritable
    if (ids.euid === namespaceRoot) effective = true
  }
  let { euid, egid } = ids
  // Since 6.16 ids that were different before are no change. cap_bprm_creds_from_file()
  const changesIds = task.kernel.since(6, 16)
    ? euid !== old.euid || !inGroup(old, egid)
    : euid !== old.uid || egid !== old.gid
  if ((changesIds || (permitted & ~old.permitted) !== 0n) && isUnsafe(task)) {
    if (task.noNewPrivileges || !capable(old, 'SETUID', old.namespace)) {
      euid = old.uid
      egid = old.gid
    }
    permitted &= old.permitted
  }
  const ambient = file.present || changesIds ? 0n : old.ambient
  permitted |= ambient
  const credentials: Credentials = {
    ...old,
    ...{ euid, suid: euid, fsuid: euid },
    ...{ egid, sgid: egid, fsgid: egid },
    permitted,
    effective: effective ? permitted : ambient,
    ambient,
    securebits: old.securebits & ~SECBIT.KEEP_CAPS,
  }
  const grew = effective || (permitted & ~ambient) !== 0n
  const isMixed = euid !== old.uid || egid !== old.gid
  return { credentials, secure: changesIds || isMixed || (old.uid !== namespaceRoot && grew) }
}

/** Owner and group of a setuid or setgid program, where they count (USR-025). */
function idsOfProgram(task: Task, program: Path): { euid: KUid; egid: Credentials['egid'] } {
  const { euid, egid, namespace } = task.credentials
  const { mount, dentry } = program
  const { inode } = dentry
  const kept = { euid, egid }
  if (!(inode.mode & (setuid | setgid)) || task.noNewPrivileges || !maySuid(task, program)) return kept
  const owner = ownerOf(mount, inode)
  const group = groupOf(mount, inode)
  if (owner === undefined || group === undefined) return kept
  if (namespace.uid(owner) === undefined || namespace.gid(group) === undefined) return kept
  return {
    euid: inode.mode & setuid ? owner : euid,
    egid: (inode.mode & (setgid | groupExecute)) === (setgid | groupExecute) ? group : egid,
  }
}

/** mnt_may_suid() in fs/namespace.c */
function maySuid(task: Task, { mount }: Path): boolean {
  if (mount.flags.nosuid || mount.namespace !== task.namespaces.mnt) return false
  return task.credentials.namespace.isBelow(mount.superblock.owner)
}

/** pP' = (X & fP) | (pI & fI), where the file has capabilities that count here. get_file_caps() in security/commoncap.c */
function fromFile(old: Credentials, { mount, dentry }: Path): FromFile | Denied {
  const bytes = dentry.inode.xattrs.get(capabilityXattr)
  if (bytes === undefined) return nothingFromFile
  const capabilities = readCapabilities(bytes)
  if (capabilities === undefined)
    return deny('EINVAL', 'capabilities(7)', 'execve(2): the capabilities of the file cannot be read')
  const root = mount.superblock.owner.kuid(capabilities.rootId)
  const shownRoot = root === undefined ? undefined : ownerOf(mount, { uid: root })
  if (shownRoot === undefined || !countIn(old.namespace, shownRoot)) return nothingFromFile
  const forced = capabilities.permitted & allCapabilities
  const permitted = (old.bounding & forced) | (old.inheritable & capabilities.inheritable & allCapabilities)
  if (capabilities.effective && (forced & ~permitted) !== 0n)
    return deny('EPERM', 'capabilities(7)', 'execve(2): the file demands capabilities that the bounding set lacks')
  return { permitted, effective: capabilities.effective, present: true }
}

/** Whether more privilege would be shared with who has less: no_new_privs, or the fs context is another process's too. */
function isUnsafe(task: Task): boolean {
  return task.noNewPrivileges || task.fs.users > task.process.tasks.size
}
