// Connections from outside into a simulated machine: each becomes one to the same port of the machine's loopback, by calls of
// the command's task alone, so that it replays.

import { type Kernel, refused } from '../../core/kernel.ts'
import { bytesOf, type Inputs, type NetworkInput } from './inputs.ts'

const [AF_INET, SOCK_STREAM, SOCK_CLOEXEC] = [2, 1, 0o2000000]
const [SHUT_WR, SHUT_RDWR] = [1, 2]
const MSG_NOSIGNAL = 0x4000
const bufferBytes = 65536

/** What comes out again; nobody is there when a log is replayed. */
export interface Outward {
  readonly send: (connection: number, bytes: Uint8Array) => void
  /** The machine's end sends no more. */
  readonly finish: (connection: number) => void
  /** The machine has refused it, or has broken it off. */
  readonly drop: (connection: number) => void
}

/** Begins to hand connections in. @returns what breaks them off, and waits until they are */
export function openGateway(kernel: Kernel, inputs: Inputs, outward?: Outward): () => Promise<void> {
  const connections = new Map<number, Connection>()
  const busy = new Set<Promise<void>>()
  const hand = (input: NetworkInput) => {
    const { connection: id } = input
    if (input.kind === 'connected') {
      const made = connect(kernel, id, input.port, outward)
      connections.set(id, made)
      const done: Promise<void> = made.done.finally(() => {
        connections.delete(id)
        busy.delete(done)
      })
      busy.add(done)
    } else if (input.kind === 'received') connections.get(id)?.write(bytesOf(input.base64))
    else connections.get(id)?.end(input.kind === 'gone')
  }
  inputs.onNetwork.add(hand)
  return async () => {
    inputs.onNetwork.delete(hand)
    for (const connection of connections.values()) connection.end(true)
    await Promise.all(busy)
  }
}

interface Connection {
  readonly write: (bytes: Uint8Array) => void
  /** @param gone - nobody listens any more either */
  readonly end: (gone: boolean) => void
  readonly done: Promise<void>
}

function connect(kernel: Kernel, id: number, port: number, outward: Outward | undefined): Connection {
  const opened = kernel.call({ name: 'socket', domain: AF_INET, type: SOCK_STREAM + SOCK_CLOEXEC, protocol: 0 })
  const fd = refused(opened) ? -1 : opened.value
  const addr = Uint8Array.of(AF_INET, 0, port >> 8, port & 255, 127, 0, 0, 1, ...new Uint8Array(8))
  let isOpen = fd >= 0
  let over = () => {}
  const ended = new Promise<void>((resolve) => {
    over = resolve
  })
  const shut = (how: number) => void (isOpen && kernel.call({ name: 'shutdown', sockfd: fd, how }))
  const send = async (bytes: Uint8Array) => {
    for (let rest = bytes; isOpen && rest.length > 0; ) {
      const part = { buf: rest.subarray(0, bufferBytes), flags: MSG_NOSIGNAL, dest_addr: new Uint8Array(0) }
      const sent = await kernel.wait({ name: 'sendto', sockfd: fd, ...part })
      if (refused(sent)) return
      rest = rest.subarray(sent.value)
    }
  }
  const established = (async () => isOpen && !refused(await kernel.wait({ name: 'connect', sockfd: fd, addr })))()
  /** What comes from outside, in its order. */
  let last: Promise<unknown> = established
  const read = async () => {
    if (!(await established)) return outward?.drop(id)
    for (;;) {
      const got = await kernel.wait({ name: 'read', fd, buf: bufferBytes })
      if (refused(got)) return outward?.drop(id)
      if (got.value === 0) return outward?.finish(id)
      outward?.send(id, got.data!.slice(0, got.value))
    }
  }
  const done = (async () => {
    await read()
    await ended
    await last
    isOpen = false
    if (fd >= 0) kernel.call({ name: 'close', fd })
  })()
  return {
    write: (bytes) => {
      last = last.then(() => send(bytes))
    },
    end: (gone) => {
      if (gone) shut(SHUT_RDWR)
      last = last.then(() => shut(SHUT_WR))
      over()
    },
    done,
  }
}
