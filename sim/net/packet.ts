// Packet sockets: they can be made and bound to a device, and nothing comes. packet(7)

import { type Denied, deny, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import { AF } from './address.ts'
import type { Channel } from './channel.ts'
import { familyOf } from './sockaddr.ts'
import { Socket } from './socket.ts'

const addressBytes = 20

export class PacketSocket extends Socket {
  #device = 0
  #protocol: number

  /** @param protocol - ETH_P_*, in network byte order as it is given */
  constructor(task: Task, type: 'raw' | 'dgram', protocol: number) {
    super(task, AF.PACKET, type, protocol)
    this.#protocol = protocol & 0xffff
  }

  bind(_task: Task, bytes: Uint8Array): Reply {
    const call = 'bind(2)'
    if (bytes.length < addressBytes || familyOf(bytes) !== AF.PACKET)
      return deny('EINVAL', 'packet(7)', `${call}: it is no address of a packet socket`)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const device = view.getInt32(4, true)
    if (device !== 0 && !this.namespace.links.has(device))
      return deny('ENODEV', 'packet(7)', `${call}: the network namespace has no device ${device}`)
    this.#device = device
    this.#protocol = view.getUint16(2, true) || this.#protocol
    return 0
  }

  connect(): Denied {
    return deny('EOPNOTSUPP', 'packet(7)', 'connect(2): packet sockets have no connections')
  }

  send(): Denied {
    if (this.#device === 0) return deny('ENXIO', 'packet(7)', 'send(2): there is no device to send by')
    return deny('ENETDOWN', 'packet(7)', 'send(2): packets are not modelled: no device takes them')
  }

  name(): Uint8Array {
    const bytes = new Uint8Array(addressBytes)
    const view = new DataView(bytes.buffer)
    view.setUint16(0, AF.PACKET, true)
    view.setUint16(2, this.#protocol, true)
    view.setInt32(4, this.#device, true)
    return bytes
  }

  peerName(): Denied {
    return deny('EOPNOTSUPP', 'packet(7)', 'getpeername(2): packet sockets have no connections')
  }

  shutdown(): Denied {
    return deny('EOPNOTSUPP', 'packet(7)', 'shutdown(2): packet sockets have no connections')
  }

  protected outgoing(): Channel | undefined {
    return undefined
  }

  protected end(): void {
    this.incoming.discard()
  }

  /** For the digest. */
  hidden(): object {
    return { device: this.#device, protocol: this.#protocol }
  }
}
