// /proc/sysvipc: System V objects of the reader's IPC namespace, a line each. proc(5), ipc/util.c

import type { IpcObject } from '../ipc/objects.ts'
import type { Task } from '../task.ts'
import type { Moment } from '../time.ts'
import { directory, file } from '../vfs/pseudo.ts'

const column = (value: number | string, width: number): string => String(value).padStart(width)
const time = ({ seconds }: Moment): string => column(seconds, 10)

/** Key, id and permission bits, as all three files begin. A key is shown as a signed number. */
const head = ({ key, id, mode }: IpcObject, more = 0): string =>
  `${column(key | 0, 10)} ${column(id, 10)}  ${column((mode | more).toString(8), 4)}`

function owners({ credentials: { namespace } }: Task, { uid, gid, cuid, cgid }: IpcObject): string {
  const ids = [namespace.shownUid(uid), namespace.shownGid(gid), namespace.shownUid(cuid), namespace.shownGid(cgid)]
  return ids.map((id) => column(id, 5)).join(' ')
}

const queues = (task: Task): string =>
  [...task.namespaces.ipc.queues].reduce(
    (all, queue) =>
      `${all}${head(queue)}  ${column(queue.bytes, 10)} ${column(queue.messages.length, 10)} ` +
      `${column(queue.lastSender, 5)} ${column(queue.lastReceiver, 5)} ${owners(task, queue)} ` +
      `${time(queue.sent)} ${time(queue.received)} ${time(queue.changed)}\n`,
    '       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n',
  )

const semaphores = (task: Task): string =>
  [...task.namespaces.ipc.semaphores].reduce(
    (all, set) =>
      `${all}${head(set)} ${column(set.values.length, 10)} ${owners(task, set)} ${time(set.operated)} ${time(set.changed)}\n`,
    '       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n',
  )

const doomedBit = 0o1000

const segments = (task: Task): string =>
  [...task.namespaces.ipc.segments].reduce(
    (all, segment) =>
      `${all}${head(segment, segment.doomed ? doomedBit : 0)} ${column(segment.sizeBytes, 21)} ` +
      `${column(segment.creatorPid, 5)} ${column(segment.lastPid, 5)}  ${column(segment.attachments, 5)} ` +
      `${owners(task, segment)} ${time(segment.attachedAt)} ${time(segment.detachedAt)} ${time(segment.changed)} ` +
      `${column(0, 21)} ${column(0, 21)}\n`,
    '       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n',
  )

export const sysvipc = directory({
  msg: file({ read: queues }),
  sem: file({ read: semaphores }),
  shm: file({ read: segments }),
})
