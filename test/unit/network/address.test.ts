// Addresses and subnets: what is one, how it prints, and which meet.

import { isIPv4, isIPv6 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addressOf,
  formatAddress,
  hostAddress,
  isLoopback,
  macOf,
  overlap,
  parseAddress,
} from '../../../core/network/address.ts'
import { parseSubnet } from '../../../core/network/leases.ts'

describe('addresses', () => {
  it('prints IPv6 as RFC 5952 wants it', () => {
    const forms = {
      '2001:DB8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
      '0:0:0:0:0:0:0:0': '::',
      '::1': '::1',
      '1:0:2:3:4:5:6:7': '1:0:2:3:4:5:6:7',
      '::ffff:1.2.3.4': '::ffff:102:304',
      'fd00::': 'fd00::',
    }
    for (const [given, printed] of Object.entries(forms)) expect(formatAddress(addressOf(given))).toBe(printed)
  })

  it('takes an address from text exactly when Node does, and prints it back', () => {
    const texts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/))
    fc.assert(
      fc.property(texts, (text) => {
        const address = parseAddress(text)
        expect(address !== undefined, text).toBe(isIPv4(text) || isIPv6(text))
        if (address !== undefined) expect(addressOf(formatAddress(address))).toEqual(address)
      }),
    )
  })

  it('counts places over byte borders', () => {
    expect(formatAddress(hostAddress(parseSubnet('10.88.0.0/16'), 258))).toBe('10.88.1.2')
    expect(formatAddress(hostAddress(parseSubnet('fd76::/64'), 65536))).toBe('fd76::1:0')
  })

  it('finds that subnets meet when one contains the other', () => {
    const meet = (one: string, other: string) => overlap(parseSubnet(one), parseSubnet(other))
    expect([meet('10.0.0.0/8', '10.88.0.0/16'), meet('10.88.1.0/24', '10.88.0.0/16')]).toEqual([true, true])
    expect([meet('10.89.0.0/16', '10.88.0.0/16'), meet('10.88.128.0/17', '10.88.0.0/17')]).toEqual([false, false])
    expect(meet('fd00::/8', '10.88.0.0/16')).toBe(false)
  })

  it('knows loopback, and makes MAC addresses that are local and unicast', () => {
    expect([isLoopback(addressOf('127.3.2.1')), isLoopback(addressOf('::1')), isLoopback(addressOf('::2'))]).toEqual([
      true,
      true,
      false,
    ])
    expect(macOf(addressOf('10.88.0.2'))[0]! & 3).toBe(2)
  })
})
