// struct shmid64_ds, semid64_ds and msqid64_ds as IPC_STAT gives and IPC_SET takes them, on x86-64. linux/ipcbuf.h

import type { Credentials } from '../credentials.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Moment } from '../time.ts'
import type { IpcObject } from './objects.ts'
import type { MessageQueue } from './queue.ts'
import type { Segment } from './segment.ts'
import type { SemaphoreSet } from './semaphores.ts'

const permissionBytes = 48

function begin(object: IpcObject, who: Credentials, bytes: number, mode = object.mode): DataView {
  const { namespace } = who
  const view = new DataView(new ArrayBuffer(bytes))
  view.setInt32(0, object.key, true)
  view.setUint32(4, namespace.shownUid(object.uid), true)
  view.setUint32(8, namespace.shownGid(object.gid), true)
  view.setUint32(12, namespace.shownUid(object.cuid), true)
  view.setUint32(16, namespace.shownGid(object.cgid), true)
  view.setUint32(20, mode, true)
  view.setUint16(24, object.id >> 15, true)
  return view
}

const finish = (view: DataView): Uint8Array => new Uint8Array(view.buffer)
const long = (view: DataView, at: number, value: number): void => view.setBigUint64(at, BigInt(value), true)
const time = (view: DataView, at: number, { seconds }: Moment): void => long(view, at, seconds)

const SHM_DEST = 0o1000
const SHM_LOCKED = 0o2000

export function statSegment(segment: Segment, who: Credentials): Uint8Array {
  const mode = segment.mode | (segment.doomed ? SHM_DEST : 0) | (segment.locked ? SHM_LOCKED : 0)
  const view = begin(segment, who, 112, mode)
  long(view, permissionBytes, segment.sizeBytes)
  time(view, 56, segment.attachedAt)
  time(view, 64, segment.detachedAt)
  time(view, 72, segment.changed)
  view.setInt32(80, segment.creatorPid, true)
  view.setInt32(84, segment.lastPid, true)
  long(view, 88, segment.attachments)
  return finish(view)
}

export function statSemaphores(set: SemaphoreSet, who: Credentials): Uint8Array {
  const view = begin(set, who, 104)
  time(view, permissionBytes, set.operated)
  time(view, 64, set.changed)
  long(view, 80, set.values.length)
  return finish(view)
}

export function statQueue(queue: MessageQueue, who: Credentials): Uint8Array {
  const view = begin(queue, who, 120)
  time(view, permissionBytes, queue.sent)
  time(view, 56, queue.received)
  time(view, 64, queue.changed)
  long(view, 72, queue.bytes)
  long(view, 80, queue.messages.length)
  long(view, 88, queue.bytesMax)
  view.setInt32(96, queue.lastSender, true)
  view.setInt32(100, queue.lastReceiver, true)
  return finish(view)
}

/** IPC_SET: owner, group and mode. ipc_update_perm() in ipc/util.c */
export function setPermissions(
  object: IpcObject,
  who: Credentials,
  given: Uint8Array,
  call: string,
): Denied | undefined {
  if (given.length < permissionBytes) return deny('EFAULT', call, `${call}: the structure is too short`)
  const view = new DataView(given.buffer, given.byteOffset, given.byteLength)
  const uid = who.namespace.kuid(view.getUint32(4, true))
  const gid = who.namespace.kgid(view.getUint32(8, true))
  if (uid === undefined || gid === undefined)
    return deny('EINVAL', 'USR-013', `${call}: the new owner has no id in the user namespace of the caller`)
  object.uid = uid
  object.gid = gid
  object.mode = view.getUint32(20, true) & 0o777
  return undefined
}
