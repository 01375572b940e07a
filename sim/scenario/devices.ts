// struct ifreq of SIOCGIF* and SIOCSIF* as strace writes it: `{ifr_name="lo", ifr_flags=IFF_UP}`. netdevice(7)

import { addressBytes, addressValue } from './addresses.ts'
import type { Names } from './names.ts'
import { numberIn } from './number.ts'
import type { Field, Value } from './value.ts'

const structBytes = 40
const nameBytes = 16
/** The member that a request fills. */
const filled: Readonly<Record<number, string>> = {
  ...{ 35088: 'ifr_name', 35091: 'ifr_flags', 35093: 'ifr_addr', 35099: 'ifr_netmask', 35105: 'ifr_mtu' },
  ...{ 35123: 'ifr_ifindex', 35138: 'ifr_qlen' },
}

const memberOf = (fields: readonly Field[], start: string): Value | undefined =>
  fields.find(({ name }) => name.startsWith(start))?.value

/** Undefined: it is another struct. */
export function deviceRequest(value: Value, names: Names): Uint8Array | undefined {
  const bytes = new Uint8Array(structBytes)
  if (value.kind === 'raw') {
    const name = /ifr_name="([^"]*)"/.exec(value.text)?.[1]
    if (name === undefined) return undefined
    bytes.set(new TextEncoder().encode(name).subarray(0, nameBytes))
    return bytes
  }
  if (value.kind !== 'struct' || !value.fields.some(({ name }) => name.startsWith('ifr_'))) return undefined
  const name = memberOf(value.fields, 'ifr_name')
  if (name?.kind === 'string') bytes.set(name.bytes.subarray(0, nameBytes))
  for (const field of value.fields) {
    if (field.name === 'ifr_name') continue
    const address = addressBytes(field.value, names)
    const number = numberIn(field.value)
    if (address) bytes.set(address.subarray(0, 16), nameBytes)
    else if (number !== undefined)
      for (let at = 0; at < 4; at++) bytes[nameBytes + at] = Number((number >> BigInt(8 * at)) & 255n)
  }
  return bytes
}

/** What a request about a device has answered. */
export function deviceAnswer(request: number, data: Uint8Array): Value | undefined {
  const member = filled[request]
  if (member === undefined || data.length < structBytes) return undefined
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const end = data.subarray(0, nameBytes).indexOf(0)
  const name: Value = { kind: 'string', bytes: data.slice(0, end < 0 ? nameBytes : end), cut: false }
  const number = (value: number): Value => ({ kind: 'number', number: BigInt(value) })
  const value =
    member === 'ifr_flags'
      ? number(view.getUint16(nameBytes, true))
      : member === 'ifr_addr' || member === 'ifr_netmask'
        ? addressValue(data.subarray(nameBytes, nameBytes + 16))
        : number(view.getInt32(nameBytes, true))
  const fields: Field[] = [{ name: 'ifr_name', value: name }]
  if (member !== 'ifr_name' && value) fields.push({ name: member, value })
  return { kind: 'struct', fields, open: false }
}
