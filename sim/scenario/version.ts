// Which kernels a line of a scenario is about: `6.12`, `>= 6.9`, `< 6.14`, `sim`, `linux`.

import type { Config } from '../kernel.ts'
import type { Scenario } from './scenario.ts'

/** What is asked of a stage. */
export interface Which {
  readonly kind: 'sim' | 'linux'
  readonly version: readonly [number, number]
}

/** Whether a condition holds for a kernel; parts are joined by commas, and all have to. */
export function holdsOn(condition: string, { kind, version }: Which): boolean {
  return condition.split(/\s*,\s*/).every((part) => {
    if (part === 'sim' || part === 'linux') return part === kind
    const parts = /^(>=|<=|>|<|=)?\s*(\d+)\.(\d+)$/.exec(part)
    if (parts === null) return false
    const order = version[0] - Number(parts[2]) || version[1] - Number(parts[3])
    switch (parts[1] ?? '=') {
      case '>=':
        return order >= 0
      case '<=':
        return order <= 0
      case '>':
        return order > 0
      case '<':
        return order < 0
      default:
        return order === 0
    }
  })
}

/** Those that differ in something a scenario may be about. */
const versions = [
  [6, 12],
  [6, 18],
  [6, 1],
] as const

/** The machine that a scenario asks for: with two processors, as small real ones have, unless it needs more. */
export function machineFor({
  kernel,
  cgroups,
  needs,
}: Pick<Scenario, 'kernel' | 'cgroups' | 'needs'>): Partial<Config> {
  const version = versions.find((one) => kernel === undefined || holdsOn(kernel, { kind: 'sim', version: one }))
  const cpus = needs.map((need) => Number(/^cpus=(\d+)$/.exec(need)?.[1] ?? 0))
  return { cgroups, cpus: Math.max(2, ...cpus), ...(version && { version }) }
}
