// The terminal of a container goes to whoever asked for it: the master's descriptor over a unix socket. unix(7), SCM_RIGHTS.

import { RefusedError, UserError } from '../errors.ts'
import { AT_FDCWD, ask, close, must, O } from '../files.ts'
import { type Kernel, type Launched, refused } from '../kernel.ts'
import { terminalMaster } from '../launch/plan.ts'

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
function connect(kernel: Kernel, path: string): number {
  const tried = `hand over the terminal on the console socket ${path}`
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

/** Takes the master of the terminal of a child that waits. @returns a descriptor of the caller's own */
export function takeTerminal(launched: Pick<Launched, 'take'>): number {
  const taken = launched.take(terminalMaster)
  if (refused(taken)) throw new RefusedError("take the container's terminal", taken.errno)
  return taken.value
}

/**
 * Takes the terminal of a child that waits, and sends it, with the name of the device as the message.
 *
 * @errors RefusedError naming the socket
 */
export function handOverTerminal(kernel: Kernel, launched: Pick<Launched, 'take'>, path: string): void {
  const master = takeTerminal(launched)
  try {
    const socket = connect(kernel, path)
    try {
      const msg = { iov: ['/dev/ptmx'], control: rightsOf(master) }
      ask(kernel, { name: 'sendmsg', sockfd: socket, msg, flags: 0 }, `hand over the terminal on ${path}`)
    } finally {
      close(kernel, socket)
    }
  } finally {
    close(kernel, master)
  }
}
