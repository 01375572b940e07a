// A descriptor over a unix socket to whoever has asked for it: a terminal's master, a seccomp listener. unix(7), SCM_RIGHTS.

import { UserError } from '../errors.ts'
import { AT_FDCWD, ask, close, must, O, writeAll } from '../files.ts'
import type { Kernel } from '../kernel.ts'

const AF_UNIX = 1
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000
const SOL_SOCKET = 1
const SCM_RIGHTS = 1
/** sun_path with its final NUL. */
const pathBytesMax = 108

/** struct sockaddr_un. A path that is too long for it is reached through the directory, opened: /proc/self/fd. unix(7) */
function addressOf(path: string): Uint8Array | undefined {
  const bytes = new TextEncoder().encode(path)
  if (bytes.length >= pathBytesMax) return undefined
  const address = new Uint8Array(2 + bytes.length + 1)
  address[0] = AF_UNIX
  address.set(bytes, 2)
  return address
}

/** struct cmsghdr with one descriptor. cmsg(3). */
function rightsOf(fd: number): Uint8Array {
  const bytes = new Uint8Array(24)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, 20n, true)
  view.setInt32(8, SOL_SOCKET, true)
  view.setInt32(12, SCM_RIGHTS, true)
  view.setInt32(16, fd, true)
  return bytes
}

/** @returns the connected socket */
function connect(kernel: Kernel, path: string, tried: string): number {
  const socket = ask(kernel, { name: 'socket', domain: AF_UNIX, type: SOCK_STREAM_CLOEXEC, protocol: 0 }, tried).value
  const slash = path.lastIndexOf('/')
  let directory: number | undefined
  try {
    let addr = addressOf(path)
    if (addr === undefined) {
      const flags = O.PATH | O.DIRECTORY | O.CLOEXEC
      const pathname = path.slice(0, slash) || '/'
      directory = ask(kernel, { name: 'openat', dirfd: AT_FDCWD, pathname, flags, mode: 0 }, tried).value
      addr = addressOf(`/proc/self/fd/${directory}/${path.slice(slash + 1)}`)
    }
    if (addr === undefined) throw new UserError(`${tried}: its name is too long`)
    must(kernel.call({ name: 'connect', sockfd: socket, addr }), tried)
    return socket
  } catch (error) {
    close(kernel, socket)
    throw error
  } finally {
    if (directory !== undefined) close(kernel, directory)
  }
}

/**
 * Sends a descriptor with a text, and closes the connection.
 *
 * @param tried - what for, with the socket: `hand over the terminal on the console socket /run/s`
 * @errors RefusedError nobody listens there
 */
export function sendDescriptor(kernel: Kernel, path: string, fd: number, text: string, tried: string): void {
  const bytes = new TextEncoder().encode(text)
  const socket = connect(kernel, path, tried)
  try {
    const msg = { iov: [bytes], control: rightsOf(fd) }
    const sent = ask(kernel, { name: 'sendmsg', sockfd: socket, msg, flags: 0 }, tried).value
    if (sent < bytes.length) writeAll(kernel, socket, bytes.subarray(sent), path)
  } finally {
    close(kernel, socket)
  }
}
