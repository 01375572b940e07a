// Messages of sockets: sendto, sendmsg, recvfrom, recvmsg. send(2), recv(2)

import { messageData } from '../../core/message.ts'
import type { SyscallOf } from '../../core/syscall.ts'
import { delivered, readControl } from '../net/control.ts'
import { MSG, plainly, type Socket } from '../net/socket.ts'
import { isDenied, type Reply } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import { uint } from './arguments.ts'
import { bytesOf, on } from './socket.ts'

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function sendMessage(task: Task, socket: Socket, { msg, flags }: SyscallOf<'sendmsg'>): Reply {
  const along = readControl(task, socket, msg.control ?? new Uint8Array(0))
  if (isDenied(along)) return along
  const to = msg.to?.length ? { to: msg.to } : {}
  return socket.send(task, { bytes: joined(msg.iov.map(bytesOf)), flags: uint(flags), ...to, ...along })
}

function receiveMessage(task: Task, socket: Socket, { msg, flags }: SyscallOf<'recvmsg'>): Reply {
  const bits = uint(flags)
  return socket.receive(task, {
    count: msg.iov.reduce((sum, length) => sum + length, 0),
    flags: bits,
    as(message) {
      const received = delivered(task, socket, message, msg, bits)
      return { value: lengthOf(message, bits), data: messageData(msg, received) }
    },
  })
}

/** With MSG_TRUNC the whole length, whatever there was room for. */
const lengthOf = ({ bytes, whole }: { bytes: Uint8Array; whole?: number }, flags: number): number =>
  flags & MSG.TRUNC && whole !== undefined ? whole : bytes.length

export const calls: Calls = {
  sendto: full((task, { sockfd, buf, flags, dest_addr }) =>
    on(task, sockfd, 'sendto(2)', (it) => {
      const to = bytesOf(dest_addr)
      return it.send(task, { bytes: bytesOf(buf), flags: uint(flags), ...(to.length > 0 && { to }) })
    }),
  ),
  sendmsg: full((task, call) => on(task, call.sockfd, 'sendmsg(2)', (it) => sendMessage(task, it, call))),
  recvfrom: full((task, { sockfd, buf, flags }) =>
    on(task, sockfd, 'recvfrom(2)', (it) => {
      const bits = uint(flags)
      return it.receive(task, {
        count: buf,
        flags: bits,
        as(message) {
          plainly(message)
          return { value: lengthOf(message, bits), data: message.bytes }
        },
      })
    }),
  ),
  recvmsg: full((task, call) => on(task, call.sockfd, 'recvmsg(2)', (it) => receiveMessage(task, it, call))),
}
