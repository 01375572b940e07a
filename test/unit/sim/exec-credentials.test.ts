// Who a program is when it begins: setuid and setgid programs, capabilities of files, root, no_new_privs.

import { describe, expect, it } from 'vitest'
import { allCapabilities, CAP, type Credentials } from '../../../sim/credentials.ts'
import { type ExecCredentials, execCredentials } from '../../../sim/exec-credentials.ts'
import { capabilityXattr } from '../../../sim/file-capabilities.ts'
import type { KGid, KUid } from '../../../sim/ids.ts'
import { isDenied } from '../../../sim/outcome.ts'
import type { Task } from '../../../sim/task.ts'
import type { Path } from '../../../sim/vfs/path.ts'
import { AT_FDCWD, walk } from '../../../sim/vfs/walk.ts'
import { boot, value } from '../../support/sim.ts'
import { child, login, NEW, writeMap, writeSetgroupsOf } from '../../support/sim-namespaces.ts'

const bit = (capability: number): bigint => 1n << BigInt(capability)

interface Program {
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly capabilities?: Uint8Array
}

/** A program of a task's machine, as root has made it. */
function program(task: Task, { mode = 0o755, uid = 0, gid = 0, capabilities }: Program = {}): Path {
  const { init } = task.kernel
  value(init, { name: 'close', fd: value(init, { name: 'open', pathname: '/bin/program', flags: 0o101, mode: 0o755 }) })
  const path = walk(task, AT_FDCWD, '/bin/program')
  if (isDenied(path)) throw new Error(path.sentence)
  const { inode } = path.dentry
  inode.mode = mode
  inode.uid = uid as KUid
  inode.gid = gid as KGid
  if (capabilities) inode.xattrs.set(capabilityXattr, capabilities)
  return path
}

/** struct vfs_cap_data, with a root id of revision 3. */
function fileCapabilities(permitted: bigint, effective: boolean, rootId?: number): Uint8Array {
  const bytes = new Uint8Array(rootId === undefined ? 20 : 24)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, (rootId === undefined ? 0x02000000 : 0x03000000) | (effective ? 1 : 0), true)
  view.setUint32(4, Number(permitted & 0xffffffffn), true)
  if (rootId !== undefined) view.setUint32(20, rootId, true)
  return bytes
}

function exec(task: Task, path: Path): ExecCredentials {
  const after = execCredentials(task, path)
  if (isDenied(after)) throw new Error(after.sentence)
  return after
}
const become = (task: Task, changes: Partial<Credentials>): void => {
  task.credentials = { ...task.credentials, ...changes }
}

function ordinary(): Task {
  const task = child(boot().init)
  login(task, 1000)
  return task
}

describe('setuid programs', () => {
  it('USR-025: run as the owner and group of the file, saved ids too', () => {
    const { credentials, secure } = exec(ordinary(), program(child(boot().init)))
    expect(credentials).toMatchObject({ uid: 1000, euid: 1000 })
    expect(secure).toBe(false)
    const task = ordinary()
    const after = exec(task, program(task, { mode: 0o6755, uid: 5, gid: 6 }))
    expect(after.credentials).toMatchObject({ uid: 1000, euid: 5, suid: 5, fsuid: 5, gid: 1000, egid: 6, sgid: 6 })
    expect(after.credentials.permitted).toBe(0n)
    expect(after.secure).toBe(true)
  })

  it('USR-109: of root, they have all of the bounding set', () => {
    const task = ordinary()
    const { credentials } = exec(task, program(task, { mode: 0o4755 }))
    expect(credentials).toMatchObject({ euid: 0, permitted: allCapabilities, effective: allCapabilities })
  })

  it('a setgid bit without execution by the group means something else', () => {
    const task = ordinary()
    expect(exec(task, program(task, { mode: 0o2745, gid: 6 })).credentials.egid).toBe(1000)
  })

  it('USR-025, USR-108: are plain programs with no_new_privs, on nosuid, or of owners without an id here', () => {
    const plain = { euid: 1000, egid: 1000, permitted: 0n, effective: 0n }
    const task = ordinary()
    const path = program(task, { mode: 0o6755, capabilities: fileCapabilities(bit(CAP.KILL), true) })
    task.noNewPrivileges = true
    expect(exec(task, path).credentials).toMatchObject(plain)
    task.noNewPrivileges = false
    path.mount.flags = { ...path.mount.flags, nosuid: true }
    expect(exec(task, path).credentials).toMatchObject(plain)
    path.mount.flags = { ...path.mount.flags, nosuid: false }
    expect(exec(task, path).credentials.euid).toBe(0)
  })

  it('USR-026: of root outside are plain programs where only other ids are mapped', () => {
    const task = ordinary()
    const inside = child(task, NEW.USER)
    writeMap(inside, inside, 'uid', '5 1000 1')
    const { credentials } = exec(inside, program(inside, { mode: 0o4755 }))
    expect(credentials.namespace.uid(credentials.euid)).toBe(5)
  })
})

describe('root', () => {
  it('USR-002, USR-003, USR-004: keeps everything over exec only where its id is 0', () => {
    const unmapped = child(ordinary(), NEW.USER)
    expect(exec(unmapped, program(unmapped)).credentials.effective).toBe(0n)
    const root = child(ordinary(), NEW.USER)
    writeMap(root, root, 'uid', '0 1000 1')
    expect(exec(root, program(root)).credentials.effective).toBe(allCapabilities)
    const other = child(ordinary(), NEW.USER)
    writeMap(other, other, 'uid', '5 1000 1')
    expect(exec(other, program(other)).credentials.effective).toBe(0n)
  })

  it('USR-027: has no more than the bounding set; with NOROOT nothing of its own', () => {
    const task = child(boot().init)
    become(task, { bounding: bit(CAP.CHOWN) })
    expect(exec(task, program(task)).credentials).toMatchObject({
      permitted: bit(CAP.CHOWN),
      effective: bit(CAP.CHOWN),
    })
    become(task, { bounding: allCapabilities, securebits: 1 })
    expect(exec(task, program(task)).credentials.permitted).toBe(0n)
  })

  it('by its real id alone may use what it has not at once', () => {
    const task = child(boot().init)
    value(task, { name: 'setresuid', ruid: -1, euid: 5, suid: -1 })
    expect(exec(task, program(task)).credentials).toMatchObject({ permitted: allCapabilities, effective: 0n })
  })
})

describe('capabilities of a file', () => {
  const kill = bit(CAP.KILL)

  it('USR-109: are permitted within the bounding set, effective when the file says so', () => {
    const task = ordinary()
    const quiet = exec(task, program(task, { capabilities: fileCapabilities(kill, false) }))
    expect(quiet.credentials).toMatchObject({ permitted: kill, effective: 0n, euid: 1000 })
    const { credentials, secure } = exec(task, program(task, { capabilities: fileCapabilities(kill, true) }))
    expect(credentials).toMatchObject({ permitted: kill, effective: kill })
    expect(secure).toBe(true)
  })

  it('that are demanded and not in the bounding set make the program impossible', () => {
    const task = ordinary()
    become(task, { bounding: 0n })
    const path = program(task, { capabilities: fileCapabilities(kill, true) })
    expect(execCredentials(task, path)).toMatchObject({ errno: 'EPERM' })
    path.dentry.inode.xattrs.set(capabilityXattr, fileCapabilities(kill, false))
    expect(exec(task, path).credentials.permitted).toBe(0n)
  })

  it('USR-111: of revision 3 count where their root is root, or below', () => {
    const task = ordinary()
    const inside = child(task, NEW.USER)
    writeMap(inside, inside, 'uid', '0 1000 1')
    writeSetgroupsOf(inside, 'deny')
    writeMap(inside, inside, 'gid', '0 1000 1')
    const path = program(task, { capabilities: fileCapabilities(kill, true, 1000) })
    expect(exec(task, path).credentials.permitted).toBe(0n)
    const deeper = child(inside, NEW.USER)
    become(deeper, { permitted: 0n, effective: 0n, securebits: 1 })
    become(inside, { permitted: 0n, effective: 0n, securebits: 1 })
    expect(exec(inside, path).credentials.permitted).toBe(kill)
    expect(exec(deeper, path).credentials.permitted).toBe(kill)
  })

  it('USR-028: cancel ambient ones, as setuid does', () => {
    const task = ordinary()
    const chown = bit(CAP.CHOWN)
    become(task, { permitted: chown, inheritable: chown, ambient: chown })
    expect(exec(task, program(task)).credentials).toMatchObject({ permitted: chown, effective: chown, ambient: chown })
    const after = exec(task, program(task, { capabilities: fileCapabilities(kill, false) }))
    expect(after.credentials).toMatchObject({ permitted: kill, ambient: 0n })
    const setuid = child(task)
    expect(exec(setuid, program(task, { mode: 0o4755, uid: 7 })).credentials).toMatchObject({
      ambient: 0n,
      permitted: kill,
    })
  })
})
