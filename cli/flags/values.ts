// Values of flags as users write them: sizes, numbers, durations, names. Each refusal names the flag and what it takes.

import { UserError } from '../../core/errors.ts'
import { rlimitNames } from '../../core/spec/names.ts'
import type { POSIXRlimit } from '../../core/spec/types.ts'

function refuse(flag: string, value: string, sentence: string): never {
  throw new UserError(`${flag}=${value}: ${sentence}`)
}

const unitBytes: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
  p: 1024 ** 5,
}

/** `512m`, `1.5g`, `64MiB`, `1048576`: bytes, units of 1024. */
export function sizeBytes(flag: string, value: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+) ?([bkmgtp]?)(?:i?b)?$/i.exec(value)
  const unit = unitBytes[match?.[2]?.toLowerCase() ?? '']
  if (match === null || unit === undefined)
    refuse(flag, value, 'not a size; give a number and, if you like, a unit: b, k, m, g or t')
  const bytes = Math.floor(Number(match[1]) * unit)
  if (!Number.isSafeInteger(bytes)) refuse(flag, value, 'too large')
  return bytes
}

/** As sizeBytes, or -1. */
export function sizeOrUnlimited(flag: string, value: string): number {
  return value === '-1' ? -1 : sizeBytes(flag, value)
}

export function wholeNumber(flag: string, value: string, minimum: number, maximum = Number.MAX_SAFE_INTEGER): number {
  const number = /^[+-]?\d+$/.test(value) ? Number(value) : Number.NaN
  if (!Number.isSafeInteger(number)) refuse(flag, value, 'not a whole number')
  if (number < minimum) refuse(flag, value, `must be at least ${minimum}`)
  if (number > maximum) refuse(flag, value, `must be at most ${maximum}`)
  return number
}

/** `1.5`: a number of CPUs. 0 means no limit. */
export function cpuCount(flag: string, value: string): number {
  if (!/^-?(\d+(\.\d*)?|\.\d+)$/.test(value)) refuse(flag, value, 'not a number of CPUs such as 1.5')
  const cpus = Number(value)
  if (cpus < 0) refuse(flag, value, 'must not be negative')
  return cpus
}

/** `0-3,5`: CPUs or memory nodes. cpuset(7), "Formats". */
export function cpuList(flag: string, value: string): string {
  const parts = value.split(',')
  for (const part of parts) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part)
    if (match === null) refuse(flag, value, 'not a list of numbers such as 0-3,5')
    if (match[2] !== undefined && Number(match[2]) < Number(match[1]))
      refuse(flag, value, `the range ${part} runs backwards`)
  }
  return value
}

const unitMilliseconds: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** `250ms`, `1h30m`; a bare number is seconds. Milliseconds. */
export function durationMilliseconds(flag: string, value: string): number {
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== value)
    refuse(flag, value, 'not a duration such as 10s or 1h30m')
  return parts.reduce((sum, part) => sum + Number(part[1]) * unitMilliseconds[part[2]!]!, 0)
}

/** A moment: a date (RFC 3339, or without time or zone: UTC), seconds since 1970, or a duration ago. Milliseconds since 1970. */
export function momentMilliseconds(flag: string, value: string, nowMilliseconds: number): number {
  if (/^\d{9,}(\.\d+)?$/.test(value)) return Number(value) * 1000
  if (/^\d{4}-\d\d-\d\d/.test(value)) {
    const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(value) || value.length === 10 ? value : `${value}Z`
    const moment = Date.parse(zoned.replace(' ', 'T'))
    if (Number.isNaN(moment)) refuse(flag, value, 'not a date such as 2026-01-31T12:00:00Z')
    return moment
  }
  return nowMilliseconds - durationMilliseconds(flag, value)
}

/** `0022`: octal. */
export function octalMode(flag: string, value: string): number {
  if (!/^0?[0-7]{1,3}$/.test(value)) refuse(flag, value, 'not a mode of up to three octal digits such as 0022')
  return Number.parseInt(value, 8)
}

/** `KEY=VALUE`; without `=`, and only where allowed, the value is empty. */
export function keyValue(flag: string, value: string, bare: 'needs-value' | 'may-be-bare'): readonly [string, string] {
  const equals = value.indexOf('=')
  if (equals === 0 || value === '') refuse(flag, value, 'the key is missing; give KEY=VALUE')
  if (equals > 0) return [value.slice(0, equals), value.slice(equals + 1)]
  return bare === 'may-be-bare' ? [value, ''] : refuse(flag, value, 'the value is missing; give KEY=VALUE')
}

/** What RLIM_INFINITY is as a JavaScript number. */
const unlimited = 2 ** 64

/** `nofile=1024:2048`, `core=-1`: one number is both limits, -1 is unlimited. getrlimit(2). */
export function ulimit(flag: string, value: string): POSIXRlimit {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(value)
  if (match === null) refuse(flag, value, 'give NAME=SOFT[:HARD], such as nofile=1024:2048')
  const type = `RLIMIT_${match[1]!.toUpperCase()}`
  if (!(rlimitNames as readonly string[]).includes(type)) {
    const names = rlimitNames.map((name) => name.slice('RLIMIT_'.length).toLowerCase())
    refuse(flag, value, `unknown limit "${match[1]}"; the limits are ${names.join(', ')}`)
  }
  const numberOf = (word: string) => {
    const number = Number(word)
    if (number < -1) refuse(flag, value, 'must not be negative, but for -1, which is no limit')
    return number === -1 ? unlimited : number
  }
  const soft = numberOf(match[2]!)
  const hard = numberOf(match[3] ?? match[2]!)
  if (soft > hard) refuse(flag, value, 'the soft limit must not be above the hard limit')
  return { type, soft, hard }
}
