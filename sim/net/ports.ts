// Ports of one protocol in one network namespace: who has which, and whether another may have it too (NET-004, NET-013).

import { type Address, any6, isAny, sameAddress, unmapped } from './address.ts'
import type { InetSocket } from './inet.ts'

export class PortTable {
  readonly #byPort = new Map<number, Set<InetSocket>>()

  add(socket: InetSocket, port: number): void {
    const there = this.#byPort.get(port) ?? new Set()
    this.#byPort.set(port, there.add(socket))
  }

  remove(socket: InetSocket, port: number): void {
    const there = this.#byPort.get(port)
    there?.delete(socket)
    if (there?.size === 0) this.#byPort.delete(port)
  }

  isFree(port: number): boolean {
    return !this.#byPort.has(port)
  }

  *all(): Generator<InetSocket> {
    for (const sockets of this.#byPort.values()) yield* sockets
  }

  /** Whether somebody has the port so that the socket cannot have it. */
  conflicts(socket: InetSocket, address: Address, port: number): boolean {
    for (const other of this.#byPort.get(port) ?? []) {
      if (other === socket || !overlap(socket, address, other, other.local)) continue
      if (socket.reusePort && other.reusePort && socket.owner === other.owner) continue
      if (socket.reuseAddress && other.reuseAddress && !other.listening && socket.type !== 'stream') continue
      if (socket.reuseAddress && other.reuseAddress && !other.listening && !socket.listening) continue
      return true
    }
    return false
  }

  /** Who gets what comes to an address and port: the most exact one; among equals (SO_REUSEPORT) the first. */
  receiver(address: Address, port: number, wants: (socket: InetSocket) => boolean): InetSocket | undefined {
    let best: InetSocket | undefined
    let rank = 0
    for (const socket of this.#byPort.get(port) ?? []) {
      if (!wants(socket)) continue
      const its = accepts(socket, address)
      if (its > rank) {
        best = socket
        rank = its
      }
    }
    return best
  }

  /** For the digest. */
  hidden(): object {
    return { byPort: this.#byPort }
  }
}

/** 3 for its own address, 2 for any of its family, 1 for any of both; 0 is not for it. */
function accepts({ local, v6only }: InetSocket, address: Address): number {
  if (sameAddress(unmapped(local), address)) return 3
  if (!isAny(local)) return 0
  if (local.length === address.length) return 2
  return local.length === 16 && !v6only ? 1 : 0
}

function overlap(a: InetSocket, one: Address, b: InetSocket, two: Address): boolean {
  const [first, second] = [unmapped(one), unmapped(two)]
  if (first.length === second.length) return isAny(first) || isAny(second) || sameAddress(first, second)
  const six = first.length === 16 ? a : b
  const address = first.length === 16 ? first : second
  return !six.v6only && sameAddress(address, any6)
}
