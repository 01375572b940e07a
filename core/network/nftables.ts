// The words of nf_tables as netlink requests: tables, chains, rules and the expressions of a rule (uapi/linux/netfilter/nf_tables.h).

import type { Address } from './address.ts'
import { attribute, be16, be32, concatenate, NLM_F_CREATE, nested, type Request, text } from './netlink.ts'

const NFNL_SUBSYS_NFTABLES = 10
const NFNL_MSG_BATCH_BEGIN = 16
const NFNL_MSG_BATCH_END = 17
const NLM_F_APPEND = 0x800
const NFT_MSG = { NEWTABLE: 0, GETTABLE: 1, DELTABLE: 2, NEWCHAIN: 3, DELCHAIN: 5, NEWRULE: 6, DELRULE: 8 }
const NFPROTO_INET = 1
const NFTA_TABLE_NAME = 1
const NFTA_CHAIN = { TABLE: 1, NAME: 3, HOOK: 4, TYPE: 7 }
const NFTA_HOOK = { HOOKNUM: 1, PRIORITY: 2 }
const NFTA_RULE = { TABLE: 1, CHAIN: 2, EXPRESSIONS: 4 }
const NFTA_LIST_ELEM = 1
const NFTA_EXPR = { NAME: 1, DATA: 2 }
const NFTA_DATA = { VALUE: 1, VERDICT: 2 }
const REGISTER = { VERDICT: 0, ONE: 1, TWO: 2 }
const hooks = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 }
const NFPROTO = { IPV4: 2, IPV6: 10 }
const IPPROTO = { tcp: 6, udp: 17 }
const RTN_LOCAL = 2
const IPS_DST_NAT = 32

/** One expression of a rule: a name and its attributes. */
export type Expression = Uint8Array

export type Protocol = keyof typeof IPPROTO

/** Where a base chain sees packets. Priorities are those of nft(8): raw -300, dstnat -100, srcnat 100. */
export interface Hook {
  readonly type: 'nat' | 'filter'
  readonly at: keyof typeof hooks
  readonly priority: number
}

function header(family: number, resource = 0): Uint8Array {
  return Uint8Array.of(family, 0, ...be16(resource))
}

function request(message: number, flags: number, what: string, attributes: readonly Uint8Array[]): Request {
  const body = concatenate([header(NFPROTO_INET), ...attributes])
  return { type: (NFNL_SUBSYS_NFTABLES << 8) | message, flags, body, what }
}

/** All of these requests or none: what lies between these two is one transaction. */
export function transaction(requests: readonly Request[]): Request[] {
  const border = (type: number, what: string): Request => ({ type, what, body: header(0, NFNL_SUBSYS_NFTABLES) })
  return [
    border(NFNL_MSG_BATCH_BEGIN, 'begin an nf_tables transaction'),
    ...requests,
    border(NFNL_MSG_BATCH_END, 'end an nf_tables transaction'),
  ]
}

/** A table of the family inet, which sees IPv4 and IPv6. One that is there is left as it is. */
export function addTable(table: string): Request {
  return request(NFT_MSG.NEWTABLE, NLM_F_CREATE, `make the nf_tables table ${table}`, [
    attribute(NFTA_TABLE_NAME, text(table)),
  ])
}

/** @errors ENOENT there is none */
export function getTable(table: string): Request {
  return request(NFT_MSG.GETTABLE, 0, `look at the nf_tables table ${table}`, [attribute(NFTA_TABLE_NAME, text(table))])
}

/** Removes a table with all that is in it. @errors ENOENT there is none */
export function removeTable(table: string): Request {
  return request(NFT_MSG.DELTABLE, 0, `remove the nf_tables table ${table}`, [attribute(NFTA_TABLE_NAME, text(table))])
}

/** A chain, at a hook or only to be jumped to. One that is there is left as it is. */
export function addChain(table: string, chain: string, hook?: Hook): Request {
  return request(NFT_MSG.NEWCHAIN, NLM_F_CREATE, `make the nf_tables chain ${chain}`, [
    attribute(NFTA_CHAIN.TABLE, text(table)),
    attribute(NFTA_CHAIN.NAME, text(chain)),
    ...(hook === undefined
      ? []
      : [
          nested(NFTA_CHAIN.HOOK, [
            attribute(NFTA_HOOK.HOOKNUM, be32(hooks[hook.at])),
            attribute(NFTA_HOOK.PRIORITY, be32(hook.priority)),
          ]),
          attribute(NFTA_CHAIN.TYPE, text(hook.type)),
        ]),
  ])
}

/** Removes a chain that has no rules and is not jumped to. @errors ENOENT there is none; EBUSY it is in use */
export function removeChain(table: string, chain: string): Request {
  return request(NFT_MSG.DELCHAIN, 0, `remove the nf_tables chain ${chain}`, [
    attribute(NFTA_CHAIN.TABLE, text(table)),
    attribute(NFTA_CHAIN.NAME, text(chain)),
  ])
}

/** Removes all rules of a chain. @errors ENOENT there is no such chain */
export function flushChain(table: string, chain: string): Request {
  return request(NFT_MSG.DELRULE, 0, `empty the nf_tables chain ${chain}`, [
    attribute(NFTA_RULE.TABLE, text(table)),
    attribute(NFTA_RULE.CHAIN, text(chain)),
  ])
}

/** Adds a rule at a chain's end. @errors ENOENT there is no such chain, or the kernel lacks an expression */
export function addRule(table: string, chain: string, expressions: readonly Expression[]): Request {
  return request(NFT_MSG.NEWRULE, NLM_F_CREATE | NLM_F_APPEND, `add a rule to the nf_tables chain ${chain}`, [
    attribute(NFTA_RULE.TABLE, text(table)),
    attribute(NFTA_RULE.CHAIN, text(chain)),
    nested(NFTA_RULE.EXPRESSIONS, expressions),
  ])
}

function expression(name: string, attributes: readonly Uint8Array[]): Expression {
  return nested(NFTA_LIST_ELEM, [attribute(NFTA_EXPR.NAME, text(name)), nested(NFTA_EXPR.DATA, attributes)])
}

const NFT_META = { IIFNAME: 6, OIFNAME: 7, NFPROTO: 15, L4PROTO: 16 }
const meta = (key: number): Expression =>
  expression('meta', [attribute(2, be32(key)), attribute(1, be32(REGISTER.ONE))])

function compare(value: Uint8Array, equal = true): Expression {
  return expression('cmp', [
    attribute(1, be32(REGISTER.ONE)),
    attribute(2, be32(equal ? 0 : 1)),
    nested(3, [attribute(NFTA_DATA.VALUE, value)]),
  ])
}

const NFT_PAYLOAD = { NETWORK: 1, TRANSPORT: 2 }
function payload(base: number, offset: number, length: number): Expression {
  const numbers = [REGISTER.ONE, base, offset, length]
  return expression(
    'payload',
    numbers.map((number, index) => attribute(index + 1, be32(number))),
  )
}

function immediate(register: number, value: Uint8Array): Expression {
  return expression('immediate', [attribute(1, be32(register)), nested(2, [attribute(NFTA_DATA.VALUE, value)])])
}

/** The packet is IPv4 or IPv6, as this address is. Needed before anything that looks at addresses. */
export function sameFamily(address: Address): Expression[] {
  return [meta(NFT_META.NFPROTO), compare(Uint8Array.of(address.length === 4 ? NFPROTO.IPV4 : NFPROTO.IPV6))]
}

/** The packet's source or destination is (or is not) in a subnet whose prefix ends at a byte; the family is already known. */
export function addressIn(
  which: 'source' | 'destination',
  address: Address,
  options: { readonly prefixLength?: number; readonly not?: boolean } = {},
): Expression[] {
  const length = (options.prefixLength ?? address.length * 8) / 8
  const first = address.length === 4 ? 12 : 8
  const offset = which === 'source' ? first : first + address.length
  return [payload(NFT_PAYLOAD.NETWORK, offset, length), compare(address.subarray(0, length), options.not !== true)]
}

/** The packet came in, or goes out, through a link; names stay true when links are made anew. */
export function throughLink(which: 'in' | 'out', name: string): Expression[] {
  const padded = new Uint8Array(16)
  padded.set(text(name))
  return [meta(which === 'in' ? NFT_META.IIFNAME : NFT_META.OIFNAME), compare(padded)]
}

/** The packet goes to a port. */
export function toPort(protocol: Protocol, port: number): Expression[] {
  return [
    meta(NFT_META.L4PROTO),
    compare(Uint8Array.of(IPPROTO[protocol])),
    payload(NFT_PAYLOAD.TRANSPORT, 2, 2),
    compare(be16(port)),
  ]
}

/** The destination is an address of this machine, whatever addresses it has at that time. */
export function toLocalAddress(): Expression[] {
  const NFTA_FIB_RESULT_ADDRTYPE = 3
  const NFTA_FIB_F_DADDR = 2
  const numbers = [REGISTER.ONE, NFTA_FIB_RESULT_ADDRTYPE, NFTA_FIB_F_DADDR]
  const type = new Uint8Array(4)
  type[0] = RTN_LOCAL
  return [
    expression(
      'fib',
      numbers.map((number, index) => attribute(index + 1, be32(number))),
    ),
    compare(type),
  ]
}

/** The connection's destination has been translated. */
export function translated(): Expression[] {
  const NFT_CT_STATUS = 2
  const NFTA_BITWISE = { SREG: 1, DREG: 2, LEN: 3, MASK: 4, XOR: 5 }
  const bit = Uint8Array.of(IPS_DST_NAT, 0, 0, 0)
  return [
    expression('ct', [attribute(2, be32(NFT_CT_STATUS)), attribute(1, be32(REGISTER.ONE))]),
    expression('bitwise', [
      attribute(NFTA_BITWISE.SREG, be32(REGISTER.ONE)),
      attribute(NFTA_BITWISE.DREG, be32(REGISTER.ONE)),
      attribute(NFTA_BITWISE.LEN, be32(4)),
      nested(NFTA_BITWISE.MASK, [attribute(NFTA_DATA.VALUE, bit)]),
      nested(NFTA_BITWISE.XOR, [attribute(NFTA_DATA.VALUE, new Uint8Array(4))]),
    ]),
    compare(new Uint8Array(4), false),
  ]
}

/** Sends the connection to another address and port. */
export function translateDestination(address: Address, port: number): Expression[] {
  const NFT_NAT_DNAT = 1
  const family = address.length === 4 ? NFPROTO.IPV4 : NFPROTO.IPV6
  return [
    immediate(REGISTER.ONE, address),
    immediate(REGISTER.TWO, be16(port)),
    expression('nat', [
      attribute(1, be32(NFT_NAT_DNAT)),
      attribute(2, be32(family)),
      attribute(3, be32(REGISTER.ONE)),
      attribute(5, be32(REGISTER.TWO)),
    ]),
  ]
}

/** Gives the connection the address of the link through which it leaves as its source. */
export function masquerade(): Expression[] {
  return [expression('masq', [])]
}

const verdicts = { drop: 0, accept: 1, jump: -3 }

function verdict(code: number, chain: readonly Uint8Array[]): Expression[] {
  const content = nested(NFTA_DATA.VERDICT, [attribute(1, be32(code)), ...chain])
  return [expression('immediate', [attribute(1, be32(REGISTER.VERDICT)), nested(2, [content])])]
}

/** Ends the packet's way through this base chain (accept), or altogether (drop). */
export function decide(what: 'drop' | 'accept'): Expression[] {
  return verdict(verdicts[what], [])
}

export function jump(chain: string): Expression[] {
  return verdict(verdicts.jump, [attribute(2, text(chain))])
}
