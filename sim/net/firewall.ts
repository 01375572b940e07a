// nf_tables as far as published ports need them: chains at hooks, rules that compare, translate and decide. nft(8)

import type { Address } from './address.ts'

export type HookName = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting'

/** One expression of a rule; what is read goes to a register and is compared there. */
export type Expression =
  | { readonly do: 'load'; readonly what: Loaded; readonly register: number }
  | { readonly do: 'compare'; readonly value: Uint8Array; readonly equal: boolean; readonly register: number }
  | { readonly do: 'mask'; readonly mask: Uint8Array; readonly register: number }
  | { readonly do: 'immediate'; readonly value: Uint8Array; readonly register: number }
  | { readonly do: 'verdict'; readonly code: number; readonly chain: string | undefined }
  | { readonly do: 'dnat'; readonly address: number; readonly port: number | undefined }
  | { readonly do: 'masquerade' }

export type Loaded =
  | { readonly of: 'iifname' | 'oifname' | 'nfproto' | 'l4proto' | 'ctstatus' | 'fibtype' }
  | { readonly of: 'network' | 'transport'; readonly offset: number; readonly length: number }

export interface Rule {
  readonly expressions: readonly Expression[]
  readonly handle: number
}

export interface Chain {
  readonly name: string
  readonly hook: { readonly at: HookName; readonly priority: number; readonly type: string } | undefined
  rules: Rule[]
  /** Rules that jump to it. */
  readonly policy: 'accept' | 'drop'
}

export interface Table {
  readonly name: string
  /** 1 is inet, 2 ip, 10 ip6. */
  readonly family: number
  readonly chains: Map<string, Chain>
}

/** A packet on its way through hooks. */
export interface Packet {
  source: Address
  destination: Address
  sourcePort: number
  destinationPort: number
  readonly protocol: 6 | 17
  in: string
  out: string
  /** Its destination has been translated. */
  translated: boolean
  masqueraded: boolean
}

export class Firewall {
  readonly tables = new Map<string, Table>()
  #handle = 0

  nextHandle(): number {
    return ++this.#handle
  }

  /** False: the packet is dropped. */
  pass(hook: HookName, packet: Packet, isLocal: (address: Address) => boolean): boolean {
    const chains: { table: Table; chain: Chain }[] = []
    for (const table of this.tables.values())
      for (const chain of table.chains.values()) if (chain.hook?.at === hook) chains.push({ table, chain })
    chains.sort((a, b) => a.chain.hook!.priority - b.chain.hook!.priority)
    for (const { table, chain } of chains) {
      if (!sees(table, packet)) continue
      // A connection is translated once.
      if (chain.hook!.type === 'nat' && packet.translated && hook !== 'postrouting') continue
      const verdict = walk(table, chain, packet, isLocal, 0) ?? chain.policy
      if (verdict === 'drop') return false
    }
    return true
  }

  /** For the digest. */
  hidden(): object {
    return { handle: this.#handle }
  }
}

const sees = ({ family }: Table, { destination }: Packet): boolean =>
  family === 1 || family === (destination.length === 4 ? 2 : 10)

type Verdict = 'accept' | 'drop'

function walk(
  table: Table,
  chain: Chain,
  packet: Packet,
  isLocal: (address: Address) => boolean,
  depth: number,
): Verdict | undefined {
  if (depth > 16) return 'drop'
  for (const { expressions } of chain.rules) {
    const answer = run(table, expressions, packet, isLocal, depth)
    if (answer === 'return') return undefined
    if (answer) return answer
  }
  return undefined
}

/** Undefined: the rule does not match, or only did something; the next one is asked. */
function run(
  table: Table,
  expressions: readonly Expression[],
  packet: Packet,
  isLocal: (address: Address) => boolean,
  depth: number,
): Verdict | 'return' | undefined {
  const registers = new Map<number, Uint8Array>()
  for (const expression of expressions) {
    switch (expression.do) {
      case 'load':
        registers.set(expression.register, load(expression.what, packet, isLocal))
        break
      case 'immediate':
        registers.set(expression.register, expression.value)
        break
      case 'mask': {
        const { mask } = expression
        registers.set(
          expression.register,
          registers.get(expression.register)!.map((byte, at) => byte & (mask[at] ?? 0)),
        )
        break
      }
      case 'compare': {
        const value = registers.get(expression.register) ?? new Uint8Array(0)
        const same = expression.value.every((byte, at) => byte === value[at])
        if (same !== expression.equal) return undefined
        break
      }
      case 'dnat': {
        const port = expression.port === undefined ? undefined : registers.get(expression.port)
        packet.destination = registers.get(expression.address) ?? packet.destination
        if (port) packet.destinationPort = (port[0]! << 8) | port[1]!
        packet.translated = true
        return 'accept'
      }
      case 'masquerade':
        packet.masqueraded = true
        return 'accept'
      case 'verdict': {
        if (expression.code === 1) return 'accept'
        if (expression.code === 0) return 'drop'
        if (expression.code === -5) return 'return'
        const next = expression.chain === undefined ? undefined : table.chains.get(expression.chain)
        const answer = next && walk(table, next, packet, isLocal, depth + 1)
        if (answer) return answer
        // NFT_GOTO does not come back.
        if (expression.code === -4) return 'return'
      }
    }
  }
  return undefined
}

const padded = (name: string): Uint8Array => {
  const bytes = new Uint8Array(16)
  for (let at = 0; at < name.length; at++) bytes[at] = name.charCodeAt(at)
  return bytes
}

function load(what: Loaded, packet: Packet, isLocal: (address: Address) => boolean): Uint8Array {
  const { source, destination } = packet
  switch (what.of) {
    case 'iifname':
      return padded(packet.in)
    case 'oifname':
      return padded(packet.out)
    case 'nfproto':
      return Uint8Array.of(destination.length === 4 ? 2 : 10)
    case 'l4proto':
      return Uint8Array.of(packet.protocol)
    case 'ctstatus':
      // IPS_DST_NAT
      return Uint8Array.of(packet.translated ? 32 : 0, 0, 0, 0)
    case 'fibtype':
      // RTN_LOCAL, RTN_UNICAST
      return Uint8Array.of(isLocal(destination) ? 2 : 1, 0, 0, 0)
    case 'network': {
      const first = destination.length === 4 ? 12 : 8
      const addresses = Uint8Array.of(...source, ...destination)
      return addresses.slice(what.offset - first, what.offset - first + what.length)
    }
    case 'transport': {
      const { sourcePort: s, destinationPort: d } = packet
      return Uint8Array.of(s >> 8, s & 255, d >> 8, d & 255).slice(what.offset, what.offset + what.length)
    }
  }
}
