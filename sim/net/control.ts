// Control messages of sockets: descriptors and credentials that go along with a message. cmsg(3), unix(7) SCM_RIGHTS

import type { Received } from '../../core/message.ts'
import type { MessageRoom } from '../../core/syscall.ts'
import { capable } from '../credentials.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { descriptorsMax } from '../sys/arguments.ts'
import type { Task } from '../task.ts'
import type { OpenFile } from '../vfs/file.ts'
import { release } from '../vfs/open.ts'
import { AF } from './address.ts'
import type { Message, Sender } from './channel.ts'
import { MSG, type Sending, type Socket } from './socket.ts'

const SOL_SOCKET = 1
const SCM = { RIGHTS: 1, CREDENTIALS: 2 } as const
const headBytes = 16
const credentialBytes = 12
const filesMost = 253
const unknownId = 65534
export const SO_PASSCRED = 16

export const passesCredentials = (socket: Socket): boolean => (socket.options.get(`1 ${SO_PASSCRED}`) ?? 0) !== 0

/**
 * What control messages say of a message that is sent. __scm_send()
 *
 * @errors EINVAL of another form; EBADF no such descriptor; EPERM credentials of somebody else; ESRCH no such process
 */
export function readControl(
  task: Task,
  socket: Socket,
  control: Uint8Array,
): Pick<Sending, 'rights' | 'sender'> | Denied {
  const call = 'sendmsg(2)'
  // IP takes none of these, and looks at no others here.
  if (socket.domain !== AF.UNIX && socket.domain !== AF.NETLINK) return {}
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength)
  const rights: OpenFile[] = []
  let sender: Sender | undefined
  for (let at = 0; at + headBytes <= control.length; ) {
    const length = Number(view.getBigUint64(at, true))
    if (length < headBytes || at + length > control.length)
      return deny('EINVAL', 'cmsg(3)', `${call}: the length of a control message is wrong`)
    const kind = view.getInt32(at + 12, true)
    const data = new DataView(control.buffer, control.byteOffset + at + headBytes, length - headBytes)
    at += (length + 7) & ~7
    if (view.getInt32(at - ((length + 7) & ~7) + 8, true) !== SOL_SOCKET) continue
    if (kind === SCM.RIGHTS && socket.domain === AF.UNIX) {
      const found = filesIn(task, data, filesMost - rights.length, call)
      if (isDenied(found)) return found
      rights.push(...found)
    } else if (kind === SCM.CREDENTIALS && data.byteLength === credentialBytes) {
      const said = credentialsIn(task, data, call)
      if (isDenied(said)) return said
      sender = said
    } else return deny('EINVAL', 'unix(7)', `${call}: no control message of this kind goes along`)
  }
  return { ...(rights.length > 0 && { rights }), ...(sender && { sender }) }
}

function filesIn(task: Task, data: DataView, most: number, call: string): OpenFile[] | Denied {
  const count = data.byteLength >> 2
  if (count > most) return deny('EINVAL', 'unix(7)', `${call}: at most ${filesMost} descriptors go along`)
  const files: OpenFile[] = []
  for (let index = 0; index < count; index++) {
    const file = task.files.get(data.getInt32(4 * index, true))?.file
    if (file === undefined) return deny('EBADF', 'unix(7)', `${call}: a descriptor that is to go along is not open`)
    files.push(file)
  }
  return files
}

/** Others' numbers need rights: CAP_SYS_ADMIN over the pid namespace, CAP_SETUID and CAP_SETGID. scm_check_creds() */
function credentialsIn(task: Task, data: DataView, call: string): Sender | Denied {
  const { credentials, process, pidNamespace } = task
  const { namespace } = credentials
  const number = data.getInt32(0, true)
  const [uid, gid] = [namespace.kuid(data.getUint32(4, true)), namespace.kgid(data.getUint32(8, true))]
  if (uid === undefined || gid === undefined)
    return deny('EINVAL', 'unix(7)', `${call}: the user namespace does not map the id`)
  const own = process.leader.entry
  const mine =
    (number === own?.in(pidNamespace) || capable(credentials, 'SYS_ADMIN', pidNamespace.owner)) &&
    ([credentials.uid, credentials.euid, credentials.suid].includes(uid) ||
      capable(credentials, 'SETUID', namespace)) &&
    ([credentials.gid, credentials.egid, credentials.sgid].includes(gid) || capable(credentials, 'SETGID', namespace))
  if (!mine) return deny('EPERM', 'PID-022', `${call}: credentials of somebody else need rights over them`)
  const entry = number === own?.in(pidNamespace) ? own : pidNamespace.find(number)
  if (entry === undefined) return deny('ESRCH', 'PID-022', `${call}: there is no process of this number`)
  return { entry, uid, gid }
}

/** A control message that is written as far as there is room. put_cmsg() */
class Control {
  readonly bytes: Uint8Array
  at = 0
  cut = false

  constructor(roomBytes: number) {
    this.bytes = new Uint8Array(roomBytes)
  }

  get room(): number {
    return this.bytes.length - this.at
  }

  put(kind: number, data: Uint8Array): void {
    if (this.room < headBytes) {
      this.cut = true
      return
    }
    const length = Math.min(headBytes + data.length, this.room)
    if (length < headBytes + data.length) this.cut = true
    const view = new DataView(this.bytes.buffer, this.at)
    view.setBigUint64(0, BigInt(length), true)
    view.setInt32(8, SOL_SOCKET, true)
    view.setInt32(12, kind, true)
    this.bytes.set(data.subarray(0, length - headBytes), this.at + headBytes)
    this.at += Math.min((headBytes + data.length + 7) & ~7, this.room)
  }
}

/** struct ucred as a task sees it: 0 for a process that has no number in its pid namespace (PID-022). */
export function ucred(task: Task, sender: Sender | undefined): Uint8Array {
  const data = new Uint8Array(credentialBytes)
  const view = new DataView(data.buffer)
  const { namespace } = task.credentials
  view.setInt32(0, sender?.entry?.in(task.pidNamespace) ?? 0, true)
  view.setUint32(4, sender ? namespace.shownUid(sender.uid) : unknownId, true)
  view.setUint32(8, sender ? namespace.shownGid(sender.gid) : unknownId, true)
  return data
}

/** What a task gets of a message: its descriptors are made, those without room are closed. scm_recv() */
export function delivered(
  task: Task,
  socket: Socket,
  message: Message,
  room: Pick<MessageRoom, 'controlBytes'>,
  flags: number,
): Received {
  const control = new Control(room.controlBytes)
  if ((socket.domain === AF.UNIX || socket.domain === AF.NETLINK) && passesCredentials(socket))
    control.put(SCM.CREDENTIALS, ucred(task, message.sender))
  if (message.rights.length > 0) passRights(task, message.rights, control, (flags & MSG.CMSG_CLOEXEC) !== 0)
  if (!message.copied) for (const file of message.rights) release(file)
  const cut = message.whole !== undefined && message.whole > message.bytes.length
  return {
    name: message.from ?? new Uint8Array(0),
    control: control.bytes.subarray(0, control.at),
    bytes: message.bytes,
    flags: (flags & MSG.CMSG_CLOEXEC) | (cut ? MSG.TRUNC : 0) | (control.cut ? MSG.CTRUNC : 0),
  }
}

function passRights(task: Task, rights: readonly OpenFile[], control: Control, closeOnExec: boolean): void {
  const most = Math.max(0, Math.floor((control.room - headBytes) / 4))
  const made: number[] = []
  for (const file of rights.slice(0, most)) {
    const fd = task.files.add(file, closeOnExec, descriptorsMax(task))
    if (fd === undefined) break
    made.push(fd)
  }
  if (made.length < rights.length) control.cut = true
  if (made.length > 0) control.put(SCM.RIGHTS, new Uint8Array(Int32Array.from(made).buffer))
}
