// Conversations with the kernel over netlink sockets: requests out, acknowledgements and lists back (netlink(7)).

import type { Errno } from '../errno.ts'
import { RefusedError } from '../errors.ts'
import { AT_FDCWD, ask, close, must, O, open } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import type { Syscall } from '../syscall.ts'
import {
  decodeError,
  decodeMessages,
  encodeRequests,
  type Message,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLMSG_DONE,
  NLMSG_ERROR,
  type Request,
} from './netlink.ts'

export const NETLINK_ROUTE = 0
export const NETLINK_NETFILTER = 12
const AF_NETLINK = 16
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000
const SOL_NETLINK = 270
const NETLINK_CAP_ACK = 10
const NETLINK_EXT_ACK = 11
const MSG_DONTWAIT = 0x40
const CLONE_NEWNET = 0x40000000
const receiveBytes = 65536
/** struct sockaddr_nl of the kernel: family 16, padding, pid 0, groups 0. */
const kernelAddress = Uint8Array.of(AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

/** A refusal of one request among several: what it was, and the errno. */
export interface Denial {
  readonly what: string
  readonly errno: Errno
  readonly words?: string
}

export function denialError(denial: Denial): RefusedError {
  return new RefusedError(denial.words === undefined ? denial.what : `${denial.what} (${denial.words})`, denial.errno)
}

const socketCall = (protocol: number): Syscall => ({
  name: 'socket',
  domain: AF_NETLINK,
  type: SOCK_RAW | SOCK_CLOEXEC,
  protocol,
})

const bothOptions = (sockfd: number): Syscall[] =>
  [NETLINK_CAP_ACK, NETLINK_EXT_ACK].map((optname) => ({
    name: 'setsockopt',
    sockfd,
    level: SOL_NETLINK,
    optname,
    optval: Uint8Array.of(1, 0, 0, 0),
  }))

/**
 * A netlink socket in the caller's network namespace. Errors come with the kernel's words (NETLINK_EXT_ACK, Linux 4.12);
 * an older kernel refuses the option, and answers with errnos alone.
 *
 * @errors EPROTONOSUPPORT the kernel was built without this netlink family
 */
export function openNetlink(kernel: Kernel, protocol: number): number {
  const fd = ask(kernel, socketCall(protocol), `open a netlink socket (protocol ${protocol})`).value
  kernel.batch(bothOptions(fd))
  return fd
}

/**
 * A rtnetlink socket that speaks for the network namespace of a process: the socket stays where it was made while the
 * caller goes back at once (setns(2)).
 *
 * @param own - descriptor of the caller's network namespace
 * @errors ENOENT the process is gone
 */
export function openNetlinkOf(kernel: Kernel, pid: number, own: number): number {
  const path = `/proc/${pid}/ns/net`
  const there = open(kernel, path, O.RDONLY)
  const back: Syscall = { name: 'setns', fd: own, nstype: CLONE_NEWNET }
  const { outcomes, failed } = kernel.batch([
    { name: 'setns', fd: there, nstype: CLONE_NEWNET },
    socketCall(NETLINK_ROUTE),
    back,
  ])
  close(kernel, there)
  const made = outcomes[1]
  // Whatever comes of it, nothing else may be done in there: going back is tried once more.
  const home = failed === undefined || failed === 0 ? undefined : kernel.call(back)
  if (home && refused(home) && made && !refused(made)) close(kernel, made.value)
  if (home) must(home, 'setns back to the own network namespace')
  if (failed === 0 || failed === 1) must(outcomes[failed]!, `open a netlink socket in ${path}`)
  const socket = must(made!, 'socket').value
  kernel.batch(bothOptions(socket))
  return socket
}

/**
 * Makes requests in one datagram. The kernel goes on after a refusal, so later ones fail for the first one's reason: the
 * first is the answer. Only the last request is acknowledged; refusals are always told, and in order.
 *
 * @param first - sequence number whose refusal ends the conversation: the start of an nf_tables batch
 */
export function converse(kernel: Kernel, fd: number, requests: readonly Request[]): Denial | undefined {
  const last = requests.length - 1
  const asked = requests.map((request, index) =>
    index === last ? { ...request, flags: (request.flags ?? 0) | NLM_F_ACK } : request,
  )
  return hear(kernel, fd, asked, last)
}

/** Sends requests whose acknowledgement flags are already set, and listens until request `last` has been answered. */
export function hear(
  kernel: Kernel,
  fd: number,
  requests: readonly Request[],
  last: number,
  terminal?: number,
): Denial | undefined {
  const what = requests[last]!.what
  let calls: Syscall[] = [sending(fd, requests), receiving(fd)]
  let denial: Denial | undefined
  for (;;) {
    for (const message of answered(kernel, calls, what)) {
      if (message.type !== NLMSG_ERROR) continue
      const error = decodeError(message)
      if (error !== undefined && denial === undefined)
        denial = { what: requests[message.sequence]?.what ?? what, ...error }
      if (message.sequence === last || (error !== undefined && message.sequence === terminal)) return denial
    }
    calls = [receiving(fd)]
  }
}

/** Asks for one thing or a list of things. A dump ends with NLMSG_DONE, a single answer with itself. */
export function inquire(kernel: Kernel, fd: number, request: Request): Message[] | Denial {
  const dump = ((request.flags ?? 0) & NLM_F_DUMP) === NLM_F_DUMP
  const found: Message[] = []
  let calls: Syscall[] = [sending(fd, [request]), receiving(fd)]
  for (;;) {
    for (const message of answered(kernel, calls, request.what)) {
      if (message.type === NLMSG_DONE) return found
      if (message.type === NLMSG_ERROR) {
        const error = decodeError(message)
        return error === undefined ? found : { what: request.what, ...error }
      }
      found.push(message)
    }
    if (!dump) return found
    calls = [receiving(fd)]
  }
}

function sending(fd: number, requests: readonly Request[]): Syscall {
  return { name: 'sendto', sockfd: fd, buf: encodeRequests(requests), flags: 0, dest_addr: kernelAddress }
}

/** Never waits: the kernel has put its answer into the queue before sendto(2) returns. */
function receiving(fd: number): Syscall {
  return { name: 'recvfrom', sockfd: fd, buf: receiveBytes, flags: MSG_DONTWAIT, src_addr: 0, addrlen: 0 }
}

function answered(kernel: Kernel, calls: readonly Syscall[], what: string): Message[] {
  const { outcomes, failed } = kernel.batch(calls)
  const { value, data } = must(outcomes[failed ?? calls.length - 1]!, `${what}: ${calls[failed ?? 0]!.name} on netlink`)
  return decodeMessages(data!.subarray(0, value))
}

/**
 * Holds the lock of the caller's network namespace: flock(2) on its nsfs file, which is the same inode for everybody in the
 * namespace, whatever their state directories are.
 *
 * @returns the descriptor, to be closed to let go; it also leads back from other network namespaces
 */
export async function lockNamespace(kernel: Kernel): Promise<number> {
  const path = '/proc/self/ns/net'
  const fd = ask(
    kernel,
    { name: 'openat', dirfd: AT_FDCWD, pathname: path, flags: O.RDONLY | O.CLOEXEC, mode: 0 },
    `open ${path}`,
  ).value
  const LOCK_EX = 2
  const LOCK_NB = 4
  const free = kernel.call({ name: 'flock', fd, operation: LOCK_EX | LOCK_NB })
  if (refused(free)) {
    const late = free.errno === 'EAGAIN' ? await kernel.wait({ name: 'flock', fd, operation: LOCK_EX }) : free
    if (refused(late)) {
      close(kernel, fd)
      must(late, `lock ${path}`)
    }
  }
  return fd
}
