// System V message queues: msgget(2), msgsnd(2), msgrcv(2), msgctl(2)

import { capable } from '../credentials.ts'
import { getObject, IPC_NOWAIT, mayControl, mayReadObject, mayUse, mayWriteObject, noAccess } from '../ipc/objects.ts'
import { MessageQueue } from '../ipc/queue.ts'
import { setPermissions, statQueue } from '../ipc/stat.ts'
import { type Denied, deny, isDenied, type Outcome, type Reply } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { int, long } from './arguments.ts'

const MSG_NOERROR = 0o10000
const MSG_EXCEPT = 0o20000
const MSG_COPY = 0o40000
/** The type in front of the bytes of a message: a long. */
const typeBytes = 8
const IPC_RMID = 0
const IPC_SET = 1
const IPC_STAT = 2

const invalid = (call: string, why: string): Denied => deny('EINVAL', call, `${call}: ${why}`)
const removed = (call: string): Denied => deny('EIDRM', call, `${call}: the queue has been removed`)

function msgget(task: Task, key: number, flags: number): number | Denied {
  const call = 'msgget(2)'
  const { ipc } = task.namespaces
  return getObject(ipc.queues, task.credentials, ipc.owner, {
    ...{ key, flags, call },
    fits: () => undefined,
    make: () => {
      const { limits, queues } = ipc
      if (queues.size >= limits.msgmni) return deny('ENOSPC', call, `${call}: kernel.msgmni allows no more queues`)
      return new MessageQueue(queues.nextId(), key, task.credentials, flags, limits.msgmnb, task.kernel.now())
    },
  })
}

function msgsnd(task: Task, id: number, given: Uint8Array, sizeBytes: number, flags: number): Reply {
  const call = 'msgsnd(2)'
  const { ipc } = task.namespaces
  if (given.length < typeBytes) return deny('EFAULT', call, `${call}: the message has no type`)
  const type = Number(new DataView(given.buffer, given.byteOffset, given.byteLength).getBigInt64(0, true))
  if (sizeBytes < 0 || sizeBytes > ipc.limits.msgmax || id < 0)
    return invalid(call, 'a message has at most kernel.msgmax bytes, and the id is not negative')
  if (type < 1) return invalid(call, 'the type of a message is 1 or more')
  const bytes = given.slice(typeBytes, typeBytes + sizeBytes)
  const queue = ipc.queues.find(id, call)
  if (isDenied(queue)) return queue
  const attempt = (): Outcome | undefined => {
    if (queue.removed) return removed(call)
    if (!mayUse(task.credentials, queue, mayWriteObject, ipc.owner)) return noAccess(call)
    if (!queue.hasRoom(bytes.length)) return undefined
    queue.lastSender = task.entry.numbers[0]!
    queue.sent = task.kernel.now()
    queue.put({ type, bytes })
    return { value: 0 }
  }
  const outcome = attempt()
  if (outcome) return outcome
  if (flags & IPC_NOWAIT) return deny('EAGAIN', call, `${call}: IPC_NOWAIT, and the queue is full`)
  return { queues: [queue.changes], again: attempt, interruptible: true, restarts: false }
}

function msgrcv(task: Task, id: number, sizeBytes: number, type: number, flags: number): Reply {
  const call = 'msgrcv(2)'
  const { ipc } = task.namespaces
  if (id < 0 || sizeBytes < 0) return invalid(call, 'neither id nor size are negative')
  if (flags & MSG_COPY) return deny('ENOSYS', call, `${call}: MSG_COPY is not modelled`)
  const queue = ipc.queues.find(id, call)
  if (isDenied(queue)) return queue
  const attempt = (): Outcome | undefined => {
    if (queue.removed) return removed(call)
    if (!mayUse(task.credentials, queue, mayReadObject, ipc.owner)) return noAccess(call)
    const at = queue.find(type, (flags & MSG_EXCEPT) !== 0)
    if (at < 0) return undefined
    if (queue.messages[at]!.bytes.length > sizeBytes && !(flags & MSG_NOERROR))
      return deny('E2BIG', call, `${call}: the message is longer than the buffer, and MSG_NOERROR is missing`)
    const message = queue.take(at)
    queue.lastReceiver = task.entry.numbers[0]!
    queue.received = task.kernel.now()
    const bytes = message.bytes.subarray(0, sizeBytes)
    const data = new Uint8Array(typeBytes + bytes.length)
    new DataView(data.buffer).setBigInt64(0, BigInt(message.type), true)
    data.set(bytes, typeBytes)
    return { value: bytes.length, data }
  }
  const outcome = attempt()
  if (outcome) return outcome
  if (flags & IPC_NOWAIT) return deny('ENOMSG', call, `${call}: IPC_NOWAIT, and there is no such message`)
  return { queues: [queue.changes], again: attempt, interruptible: true, restarts: false }
}

function msgctl(task: Task, id: number, operation: number, buffer: Uint8Array | null): Reply {
  const call = 'msgctl(2)'
  const { credentials } = task
  const { ipc } = task.namespaces
  if (![IPC_RMID, IPC_SET, IPC_STAT].includes(operation)) return invalid(call, `there is no operation ${operation}`)
  const queue = ipc.queues.find(id, call)
  if (isDenied(queue)) return queue
  if (operation === IPC_STAT) {
    if (!mayUse(credentials, queue, mayReadObject, ipc.owner)) return noAccess(call)
    return { value: 0, data: statQueue(queue, credentials) }
  }
  const refusal = mayControl(credentials, queue, ipc.owner, call)
  if (refusal) return refusal
  if (operation === IPC_RMID) {
    ipc.queues.remove(queue)
    return 0
  }
  const given = buffer ?? new Uint8Array(0)
  if (given.length < 96) return deny('EFAULT', call, `${call}: the structure is too short`)
  const bytesMax = Number(new DataView(given.buffer, given.byteOffset, given.byteLength).getBigUint64(88, true))
  if (bytesMax > ipc.limits.msgmnb && !capable(credentials, 'SYS_RESOURCE', task.kernel.initial.user))
    return deny('EPERM', call, `${call}: a queue beyond kernel.msgmnb needs CAP_SYS_RESOURCE`)
  const denied = setPermissions(queue, credentials, given, call)
  if (denied) return denied
  queue.bytesMax = bytesMax
  queue.changed = task.kernel.now()
  queue.changes.wake()
  return 0
}

export const calls: Calls = {
  msgctl: partial('no IPC_INFO, MSG_INFO, MSG_STAT', (task, { msqid, op, buf }) =>
    msgctl(task, int(msqid), int(op), buf),
  ),
  msgget: full((task, { key, msgflg }) => msgget(task, int(key), int(msgflg))),
  msgrcv: partial('no MSG_COPY', (task, { msqid, msgsz, msgtyp, msgflg }) =>
    msgrcv(task, int(msqid), long(msgsz), long(msgtyp), int(msgflg)),
  ),
  msgsnd: full((task, { msqid, msgp, msgsz, msgflg }) => msgsnd(task, int(msqid), msgp, long(msgsz), int(msgflg))),
}
