// D-Bus on the wire: values and messages as the specification lays them out, and back.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { socketsOf } from '../../../core/dbus/address.ts'
import { decode } from '../../../core/dbus/decode.ts'
import { encode } from '../../../core/dbus/encode.ts'
import { decodeMessage, encodeMessage, type Message, messageBytes, messageType } from '../../../core/dbus/message.ts'
import { typesOf, type Value } from '../../../core/dbus/signature.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('signatures', () => {
  it('are taken apart into complete types', () => {
    expect(typesOf('ssa(sv)a(sa(sv))')).toEqual(['s', 's', 'a(sv)', 'a(sa(sv))'])
    expect(typesOf('a{sv}aayv')).toEqual(['a{sv}', 'aay', 'v'])
    expect(typesOf('')).toEqual([])
  })

  it.each(['a', '(s', 'z', '{sv', 'a)'])('%s is none', (signature) => {
    expect(() => typesOf(signature)).toThrow(/^signature /)
  })
})

describe('values', () => {
  // The specification's own example: a string, and "the array of 64-bit integers [5]".
  it('are aligned, and padding is not in the length of an array', () => {
    expect(hex(encode('s', ['foo']))).toBe('03000000666f6f00')
    expect(hex(encode('ax', [[5n]]))).toBe('08000000000000000500000000000000')
    expect(hex(encode('ys', [1, '+']))).toBe('01000000010000002b00')
    expect(hex(encode('a(sv)', [[]]))).toBe('0000000000000000')
    // The signature's length, itself and its NUL; five bytes of padding.
    expect(hex(encode('v', [{ signature: 't', value: 1n }]))).toBe('01740000000000000100000000000000')
  })

  const leaf = fc.oneof(
    fc.boolean().map((value) => ['b', value] as const),
    fc.integer({ min: 0, max: 255 }).map((value) => ['y', value] as const),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map((value) => ['i', value] as const),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((value) => ['u', value] as const),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ['t', value] as const),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ['x', value] as const),
    fc.string().map((value) => ['s', value.replaceAll('\0', '')] as const),
    fc.uint8Array({ maxLength: 40 }).map((value) => ['ay', value] as const),
  )
  type Typed = readonly [signature: string, value: Value]
  const struct = (parts: readonly Typed[]): Typed => [
    `(${parts.map(([signature]) => signature).join('')})`,
    parts.map(([, value]) => value),
  ]
  // Arrays of bytes are bytes.
  const array = ([[signature, value], count]: readonly [Typed, number]): Typed =>
    signature === 'y' ? [signature, value] : [`a${signature}`, Array.from({ length: count }, () => value)]
  const variant = ([signature, value]: Typed): Typed => ['v', { signature, value }]
  const { tree } = fc.letrec<{ tree: Typed }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      leaf as fc.Arbitrary<Typed>,
      fc.array(tie('tree'), { minLength: 1, maxLength: 4 }).map(struct),
      fc.tuple(tie('tree'), fc.nat(3)).map(array),
      tie('tree').map(variant),
    ),
  }))

  it('come back as they went, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(tree, { maxLength: 4 }), (parts) => {
        const signature = parts.map(([type]) => type).join('')
        const values = parts.map(([, value]) => value)
        expect(decode(signature, encode(signature, values))).toEqual(values)
      }),
    )
  })

  it('are refused when bytes are missing, or nest without end', () => {
    expect(() => decode('s', Uint8Array.of(9, 0, 0, 0, 0x61))).toThrow('shorter than it says')
    expect(() => decode('as', Uint8Array.of(0, 0, 0, 0xff))).toThrow('longer than any may be')
    const nested = Uint8Array.from({ length: 1000 }, (_, index) => [1, 0x76, 0][index % 3]!)
    expect(() => decode('v', nested)).toThrow('without end')
  })
})

describe('messages', () => {
  const hello: Message = {
    type: messageType.call,
    serial: 1,
    path: '/org/freedesktop/DBus',
    interface: 'org.freedesktop.DBus',
    member: 'Hello',
    destination: 'org.freedesktop.DBus',
    body: [],
  }

  it('begin with what the specification says, and end at eight bytes', () => {
    const bytes = encodeMessage(hello)
    expect(hex(bytes.subarray(0, 24))).toBe('6c01000100000000010000006d00000001016f0015000000')
    expect(bytes.length % 8).toBe(0)
    expect(messageBytes(bytes)).toBe(bytes.length)
    expect(messageBytes(bytes.subarray(0, 15))).toBeUndefined()
    expect(decodeMessage(bytes)).toEqual(hello)
  })

  it('carry a body', () => {
    const body = ['web.scope', 'fail', [['PIDs', { signature: 'au', value: [7] }]], []]
    const call = { ...hello, signature: 'ssa(sv)a(sa(sv))', body }
    const bytes = encodeMessage(call)
    expect(messageBytes(bytes)).toBe(bytes.length)
    expect(decodeMessage(bytes)).toEqual(call)
  })

  it('of other protocols are none', () => {
    expect(() => messageBytes(new TextEncoder().encode('REJECTED EXTERNAL\r\n'))).toThrow('no message of D-Bus')
  })
})

describe('addresses', () => {
  const names = (address: string) => socketsOf(address).map((addr) => Buffer.from(addr.subarray(2)).toString('latin1'))

  it('name unix sockets by path or abstractly, with escapes, several', () => {
    expect(names('unix:path=/run/dbus/system_bus_socket')).toEqual(['/run/dbus/system_bus_socket\0'])
    expect(names('unix:abstract=/tmp/dbus-1,guid=00')).toEqual(['\0/tmp/dbus-1'])
    expect(names('tcp:host=localhost,port=1;unix:path=/a%20b;unix:guid=1')).toEqual(['/a b\0'])
    expect(names(`unix:path=/${'a'.repeat(120)}`)).toEqual([])
  })
})
