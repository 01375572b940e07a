// Sysctls of the IPC namespace of whoever reads or writes: kernel.shm*, sem, msg*, and fs.mqueue (IPC-003).

import { type KGid, type KUid, rootGid, rootUid } from '../ids.ts'
import type { IpcLimits } from '../ipc/limits.ts'
import { deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { Owner } from '../vfs/pseudo.ts'
import { fixed, numberIn, numbersIn, type Sysctl, type SysctlTree } from './sysctl-directory.ts'

/** Root of the user namespace that owns it. ipc_set_ownership() in ipc/ipc_sysctl.c */
const owner = ({ namespaces: { ipc } }: Task): Owner => ({
  uid: ipc.owner.kuid(0) ?? (rootUid as KUid),
  gid: ipc.owner.kgid(0) ?? (rootGid as KGid),
})

type Numbers = { [K in keyof IpcLimits]: IpcLimits[K] extends number ? K : never }[keyof IpcLimits]
type Big = { [K in keyof IpcLimits]: IpcLimits[K] extends bigint ? K : never }[keyof IpcLimits]

const one = (name: Numbers, least: number, most = 2_147_483_647): Sysctl =>
  numberIn(
    ({ namespaces: { ipc } }) => ipc.limits[name],
    ({ namespaces: { ipc } }, value) => {
      ipc.limits[name] = value
    },
    { least, most, owner },
  )

const big = (name: Big): Sysctl => ({
  owner,
  read: ({ namespaces: { ipc } }) => String(ipc.limits[name]),
  write({ namespaces: { ipc } }, text) {
    const match = /^\s*(\d+)(\s|$)/.exec(text)
    if (match === null) return deny('EINVAL', 'IPC-003', 'write to a sysctl: it takes a number')
    ipc.limits[name] = BigInt.asUintN(64, BigInt(match[1]!))
    return undefined
  },
})

export const ipcSysctls: SysctlTree = {
  shmmax: big('shmmax'),
  shmall: big('shmall'),
  shmmni: one('shmmni', 0, 32_768),
  shm_rmid_forced: numberIn(
    ({ namespaces: { ipc } }) => (ipc.limits.shmRmidForced ? 1 : 0),
    ({ namespaces: { ipc } }, value) => {
      ipc.limits.shmRmidForced = value === 1
    },
    { least: 0, most: 1, owner },
  ),
  msgmax: one('msgmax', 0),
  msgmnb: one('msgmnb', 0),
  msgmni: one('msgmni', 0, 32_768),
  sem: numbersIn(
    ({ namespaces: { ipc } }) => [ipc.limits.semmsl, ipc.limits.semmns, ipc.limits.semopm, ipc.limits.semmni],
    ({ namespaces: { ipc } }, [semmsl, semmns, semopm, semmni]) => {
      Object.assign(ipc.limits, { semmsl, semmns, semopm, semmni })
    },
    { owner },
  ),
  sem_next_id: fixed(-1),
  shm_next_id: fixed(-1),
  msg_next_id: fixed(-1),
}

export const mqueueSysctls: SysctlTree = {
  queues_max: one('queuesMax', 0),
  msg_max: one('mqueueMsgMax', 1, 65_536),
  msgsize_max: one('mqueueMsgsizeMax', 128, 16_777_216),
  msg_default: one('mqueueMsgDefault', 1, 65_536),
  msgsize_default: one('mqueueMsgsizeDefault', 128, 16_777_216),
}
