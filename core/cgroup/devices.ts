// The spec's device rules: brought into one form, completed with the devices that every container has.

import { UserError } from '../errors.ts'
import type { LinuxDeviceCgroup } from '../spec/types.ts'
import { type FileWrite, fileWrite } from './write.ts'

/** A rule in one form: no `a`, unless it is about everything; null is every number. */
export interface DeviceRule {
  readonly allow: boolean
  readonly type: 'a' | 'b' | 'c'
  readonly major: number | null
  readonly minor: number | null
  /** Letters of `rwm`, in that order. */
  readonly access: string
}

/**
 * What every container may use: making nodes (harmless, since using one is judged again) and the devices of
 * config-linux.md "Default Devices" with the terminals behind them.
 */
const defaults: readonly DeviceRule[] = [
  rule('c', null, null, 'm'),
  rule('b', null, null, 'm'),
  rule('c', 1, 3), // null
  rule('c', 1, 5), // zero
  rule('c', 1, 7), // full
  rule('c', 1, 8), // random
  rule('c', 1, 9), // urandom
  rule('c', 5, 0), // tty
  rule('c', 5, 1), // console
  rule('c', 5, 2), // ptmx
  rule('c', 136, null), // pts/*
]

function rule(type: 'b' | 'c', major: number | null, minor: number | null, access = 'rwm'): DeviceRule {
  return { allow: true, type, major, minor, access }
}

/**
 * The rules in order, the last that matches decides; what none matches is denied. No rules at all mean that devices are
 * not restricted. config-linux.md, "Device allow list".
 * @throws UserError for a type, number or access that is none
 */
export function deviceRules(rules: readonly LinuxDeviceCgroup[] | undefined): readonly DeviceRule[] {
  if (!rules?.length) return []
  const all = rules.flatMap(normal)
  // after a rule that allows everything the defaults add nothing
  const last = all.at(-1)!
  return last.type === 'a' && last.allow ? [last] : [...all, ...defaults]
}

function normal(given: LinuxDeviceCgroup): DeviceRule[] {
  const { allow, type = 'a', access = 'rwm' } = given
  if (!['a', 'b', 'c'].includes(type)) throw new UserError(`device rule type ${type}: must be a, b or c`)
  if (!/^[rwm]+$/.test(access)) throw new UserError(`device rule access ${access}: must be letters of rwm`)
  const number = (value: number | undefined, most: number): number | null => {
    if (value === undefined || value === -1) return null
    if (!Number.isInteger(value) || value < 0 || value > most)
      throw new UserError(`device rule number ${value}: must be 0 to ${most}, or -1 for all`)
    return value
  }
  const major = number(given.major, 4095)
  const minor = number(given.minor, 1048575)
  const letters = [...'rwm'].filter((letter) => access.includes(letter)).join('')
  if (type === 'a' && major === null && minor === null && letters === 'rwm')
    return [{ allow, type, major, minor, access: letters }]
  const types: readonly ('b' | 'c')[] = type === 'a' ? ['b', 'c'] : [type]
  return types.map((each) => ({ allow, type: each, major, minor, access: letters }))
}

/**
 * The writes to devices.deny and devices.allow of v1. cgroup-v1/devices.rst.
 * The v1 controller keeps a list of exceptions and removes one only when it is named exactly; a rule that would cut a
 * piece out of an earlier, wider one has no effect there, so it is refused here.
 * @throws UserError for such a rule
 */
export function deviceWritesV1(rules: readonly DeviceRule[]): FileWrite[] {
  if (rules.length === 0) return []
  const lastAll = rules.findLastIndex((each) => each.type === 'a')
  const allowed = lastAll >= 0 && rules[lastAll]!.allow
  const rest = rules.slice(lastAll + 1)
  rest.forEach((each, index) => {
    const wider = rest.slice(0, index).find((earlier) => earlier.allow !== each.allow && overlaps(earlier, each))
    if (wider && !(wider.major === each.major && wider.minor === each.minor))
      throw new UserError(
        `device rule ${text(each)}: cgroup v1 cannot take it out of the earlier rule ${text(wider)}; name the devices one by one`,
      )
  })
  const writes = [
    fileWrite('devices', allowed ? 'devices.allow' : 'devices.deny', 'a', `${allowed ? 'allow' : 'deny'} all devices`),
  ]
  // neighbours of one kind share an open file
  for (let at = 0; at < rest.length; ) {
    const { allow } = rest[at]!
    let end = at
    while (end < rest.length && rest[end]!.allow === allow) end++
    const file = allow ? 'devices.allow' : 'devices.deny'
    const lines = rest.slice(at, end).map(text)
    writes.push({ controller: 'devices', file, lines, why: `${allow ? 'allow' : 'deny'} devices` })
    at = end
  }
  return writes
}

function overlaps(one: DeviceRule, other: DeviceRule): boolean {
  const meet = (a: number | null, b: number | null) => a === null || b === null || a === b
  return (
    one.type === other.type &&
    meet(one.major, other.major) &&
    meet(one.minor, other.minor) &&
    [...one.access].some((letter) => other.access.includes(letter))
  )
}

/** As devices.allow takes it: `c 1:3 rwm`. */
function text({ type, major, minor, access }: DeviceRule): string {
  return `${type} ${major ?? '*'}:${minor ?? '*'} ${access}`
}
