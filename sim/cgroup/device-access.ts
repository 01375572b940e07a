// Who may use which device: the devices controller of version 1, and BPF programs on cgroups of version 2. Both are asked
// at open(2), access(2) and mknod(2). (V1-009)

import type { Denied } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { Inode } from '../vfs/inode.ts'
import { mayRead, mayWrite } from '../vfs/permission.ts'

/** BPF_DEVCG_ACC_*. linux/bpf.h */
export const deviceAccess = { mknod: 1, read: 2, write: 4 } as const

export interface DeviceUse {
  readonly kind: 'character' | 'block'
  readonly major: number
  readonly minor: number
  /** Bits of `deviceAccess`. */
  readonly access: number
}

/** One that judges; undefined is no objection. */
export type DeviceJudge = (task: Task, use: DeviceUse) => Denied | undefined

/** All that judge. Empty on most machines: then a use of a device costs nothing. */
export class DeviceAccess {
  readonly judges: DeviceJudge[] = []

  judge(
    task: Task,
    kind: 'character' | 'block',
    [major, minor]: readonly [number, number],
    access: number,
  ): Denied | undefined {
    for (const judge of this.judges) {
      const refusal = judge(task, { kind, major, minor, access })
      if (refusal) return refusal
    }
    return undefined
  }
}

/** Whether a task may use the device that an inode is; mode bits have allowed it. devcgroup_inode_permission() */
export function deviceRefusal(task: Task, { kind, device }: Inode, mask: number): Denied | undefined {
  if (kind !== 'character' && kind !== 'block') return undefined
  const { read, write } = deviceAccess
  return task.kernel.cgroups.device(task, kind, device, (mask & mayRead ? read : 0) | (mask & mayWrite ? write : 0))
}
