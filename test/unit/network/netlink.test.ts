// Netlink's bytes: requests as Linux reads them, answers as it writes them.

import { describe, expect, it } from 'vitest'
import {
  attribute,
  decodeAttributes,
  decodeError,
  decodeMessages,
  decodeText,
  decodeU32,
  encodeRequests,
  nested,
  text,
  u32,
} from '../../../core/network/netlink.ts'
import { addRule, addressIn, throughLink, toPort, transaction } from '../../../core/network/nftables.ts'
import { addAddress, getLink, makeVeth } from '../../../core/network/rtnetlink.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('netlink messages', () => {
  it('pads an attribute to four bytes, and leaves the padding out of its length', () => {
    expect(hex(attribute(3, text('lo')))).toBe('070003006c6f0000')
    expect(hex(nested(18, [attribute(1, text('veth'))]))).toBe('100012800900010076657468'.padEnd(32, '0'))
  })

  it('numbers requests of one datagram from 0', () => {
    const datagram = encodeRequests([getLink('a'), getLink('b')])
    expect(decodeMessages(datagram).map(({ type, sequence }) => [type, sequence])).toEqual([
      [18, 0],
      [18, 1],
    ])
    expect(hex(datagram.subarray(0, 16))).toBe('28000000120001000000000000000000')
  })

  it('ends at a length that does not fit instead of reading on', () => {
    const datagram = encodeRequests([getLink('a')])
    datagram[0] = 200
    expect(decodeMessages(datagram)).toEqual([])
    expect(decodeAttributes(Uint8Array.of(3, 0, 1, 0)).size).toBe(0)
  })

  it('tells an acknowledgement from a refusal, with the words of the kernel', () => {
    const message = (code: number, flags: number, rest: Uint8Array[] = []) => ({
      type: 2,
      flags,
      sequence: 0,
      body: Buffer.concat([u32(code >>> 0), new Uint8Array(16), ...rest]),
    })
    expect(decodeError(message(0, 0x100))).toBeUndefined()
    expect(decodeError(message(-17, 0x100))).toEqual({ errno: 'EEXIST' })
    expect(decodeError(message(-22, 0x300, [attribute(1, text('no such thing'))]))).toEqual({
      errno: 'EINVAL',
      words: 'no such thing',
    })
  })
})

describe('rtnetlink requests', () => {
  it('puts the other end of a veth pair into a namespace with its name and address', () => {
    const request = makeVeth({
      name: 'vtweb',
      master: 7,
      group: 1,
      mtuBytes: 1500,
      peer: { name: 'eth0', mac: Uint8Array.of(2, 0x76, 10, 88, 0, 2), netns: { pid: 42 } },
    })
    const link = decodeAttributes(request.body.subarray(16))
    expect([decodeText(link.get(3)!), decodeU32(link.get(10)!)]).toEqual(['vtweb', 7])
    const info = decodeAttributes(link.get(18)!)
    const peer = decodeAttributes(decodeAttributes(info.get(2)!).get(1)!.subarray(16))
    expect(decodeText(info.get(1)!)).toBe('veth')
    expect([decodeText(peer.get(3)!), hex(peer.get(1)!), decodeU32(peer.get(19)!)]).toEqual([
      'eth0',
      '02760a580002',
      42,
    ])
  })

  it('adds an IPv4 address with its broadcast address, and an IPv6 one that is not checked for duplicates', () => {
    const four = addAddress(3, { address: Uint8Array.of(10, 88, 0, 2), prefixLength: 16 }, 'add')
    expect(hex(four.body)).toBe('0210000003000000' + '080002000a580002' + '080001000a580002' + '080004000a58ffff')
    const six = addAddress(3, { address: new Uint8Array(16), prefixLength: 64 }, 'add')
    expect(decodeU32(decodeAttributes(six.body.subarray(8)).get(8)!)).toBe(2)
  })
})

describe('nf_tables requests', () => {
  const expressionsOf = (body: Uint8Array) => {
    const found: string[] = []
    let rest = decodeAttributes(body.subarray(4)).get(4)!
    while (rest.length > 0) {
      const length = new DataView(rest.buffer, rest.byteOffset).getUint16(0, true)
      found.push(decodeText(decodeAttributes(rest.subarray(4, length)).get(1)!))
      rest = rest.subarray((length + 3) & ~3)
    }
    return found
  }

  it('wraps requests into one transaction', () => {
    expect(transaction([]).map(({ type, body }) => [type, hex(body)])).toEqual([
      [16, '0000000a'],
      [17, '0000000a'],
    ])
  })

  it('writes a rule as the expressions that nft(8) would', () => {
    const rule = addRule('t', 'c', [...throughLink('in', 'lo'), ...toPort('udp', 53)])
    expect(rule.type).toBe(0x0a06)
    expect(expressionsOf(rule.body)).toEqual(['meta', 'cmp', 'meta', 'cmp', 'payload', 'cmp'])
  })

  it('compares only the bytes of a prefix', () => {
    const [, compare] = addressIn('source', Uint8Array.of(10, 88, 0, 0), { prefixLength: 16, not: true })
    expect(hex(compare!)).toContain('060001000a580000')
  })
})
