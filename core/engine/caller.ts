// What the caller is and where it runs, read through the door: kernel release, capabilities, ignored signals.

import { ask, readText } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import type { CallerCapabilities } from '../launch/facts.ts'
import { mapsAllIds } from '../spec/id-maps.ts'
import { capabilityNames } from '../spec/names.ts'

export interface Caller {
  readonly release: string
  readonly euid: number
  readonly capabilities: CallerCapabilities
  readonly lastCapability: number
  readonly ignoredSignals: readonly number[]
}

export interface SystemNames {
  readonly hostname: string
  readonly release: string
  readonly version: string
  readonly machine: string
}

/** struct new_utsname: six fields of 65 bytes. uname(2). */
export function systemNames(kernel: Kernel): SystemNames {
  const { data } = ask(kernel, { name: 'uname', buf: 390 }, 'uname')
  const field = (index: number) => {
    const bytes = data!.subarray(index * 65, (index + 1) * 65)
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)))
  }
  return { hostname: field(1), release: field(2), version: field(3), machine: field(4) }
}

/** Whether the caller is in another user namespace than the first, which maps every id to itself. user_namespaces(7) */
export const isInUserNamespace = (kernel: Kernel): boolean => !mapsAllIds(readText(kernel, '/proc/self/uid_map'))

/** proc_pid_status(5): CapPrm, CapBnd, CapAmb, SigIgn as hexadecimal bit sets. */
export function readCaller(kernel: Kernel, euid: number): Caller {
  const status = readText(kernel, '/proc/self/status')
  const bits = (key: string) => BigInt(`0x${new RegExp(`^${key}:\\s*([0-9a-f]+)`, 'm').exec(status)?.[1] ?? '0'}`)
  const ignored = bits('SigIgn')
  return {
    release: systemNames(kernel).release,
    euid,
    capabilities: { permitted: bits('CapPrm'), bounding: bits('CapBnd'), ambient: bits('CapAmb') },
    lastCapability: Number(readText(kernel, '/proc/sys/kernel/cap_last_cap')),
    ignoredSignals: Array.from({ length: 64 }, (_, index) => index + 1).filter(
      (signal) => ((ignored >> BigInt(signal - 1)) & 1n) === 1n,
    ),
  }
}

/** The names of a set of capabilities, those of the kernel only. */
export function capabilityNamesOf(set: bigint, lastCapability: number): string[] {
  return capabilityNames.filter((_, number) => number <= lastCapability && ((set >> BigInt(number)) & 1n) === 1n)
}
