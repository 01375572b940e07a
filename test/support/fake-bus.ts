// A kernel on which somebody speaks D-Bus at the other end of every unix socket: what a test says, message by message.

import { decodeMessage, encodeMessage, type Message, messageBytes } from '../../core/dbus/message.ts'
import type { Environment } from '../../core/engine/host.ts'
import type { Errno } from '../../core/errno.ts'
import type { Kernel, Outcome } from '../../core/kernel.ts'
import type { Syscall } from '../../core/syscall.ts'

export interface FakeBus {
  /** What each message is answered with: an answer, an error, signals. */
  readonly answer: (message: Message) => readonly Omit<Message, 'serial'>[]
  /** The line after `AUTH EXTERNAL` and `DATA`; OK unless said. */
  readonly authentication?: string
  /** Nobody listens at these paths. */
  readonly absent?: readonly string[]
  /** Bytes of one read; many unless said. */
  readonly readBytes?: number
}

const fdOfSocket = 9

/** What Manager needs of a host, for root of a machine with such a bus, and what has been asked. */
export function hostWithBus(bus: FakeBus, environment: Partial<Environment> = {}) {
  const asked: Message[] = []
  const connected: string[] = []
  let incoming: Uint8Array = new Uint8Array(0)
  let outgoing: number[] = []
  let authenticated = false
  let nowNs = 0n
  const encoder = new TextEncoder()
  const hear = () => {
    if (!authenticated) {
      const end = incoming.indexOf(0x0a, incoming.indexOf(0x0a, incoming.indexOf(0x0a) + 1) + 1)
      incoming = incoming.slice(end + 1)
      authenticated = true
      outgoing.push(...encoder.encode(`DATA\r\n${bus.authentication ?? 'OK 00112233'}\r\n`))
    }
    for (
      let bytes = messageBytes(incoming);
      bytes !== undefined && bytes <= incoming.length;
      bytes = messageBytes(incoming)
    ) {
      const message = decodeMessage(incoming.slice(0, bytes))
      incoming = incoming.slice(bytes)
      asked.push(message)
      for (const each of bus.answer(message)) outgoing.push(...encodeMessage({ ...each, serial: 7 }))
    }
  }
  const call = (given: Syscall): Outcome => {
    const refuse = (errno: Errno): Outcome => ({ errno })
    if (given.name === 'socket') return { value: fdOfSocket }
    if (given.name === 'connect') {
      const path = Buffer.from((given.addr as Uint8Array).subarray(2))
        .toString('latin1')
        .replace(/\0$/, '')
      if (bus.absent?.includes(path)) return refuse('ENOENT')
      connected.push(path)
      authenticated = false
      return { value: 0 }
    }
    if (given.name === 'write') {
      incoming = Uint8Array.from([...incoming, ...(given.buf as Uint8Array)])
      hear()
      return { value: (given.buf as Uint8Array).length }
    }
    if (given.name === 'read') {
      if (outgoing.length === 0) return refuse('EAGAIN')
      const data = Uint8Array.from(outgoing.slice(0, bus.readBytes ?? 4096))
      outgoing = outgoing.slice(data.length)
      return { value: data.length, data }
    }
    if (given.name === 'close') return { value: 0 }
    return refuse('ENOENT')
  }
  const wait = async (given: Syscall): Promise<Outcome> => {
    if (outgoing.length > 0) return { value: 1 }
    nowNs += (given as { readonly tmo_p: bigint }).tmo_p
    return { value: 0 }
  }
  const kernel = { kind: 'linux', call, wait } as unknown as Kernel
  const host = {
    kernel,
    monotonicNs: () => nowNs,
    environment: { uid: 0, gid: 0, variables: {}, architecture: 'amd64', ...environment },
  }
  return { host, asked, connected }
}
