// Which machine a log was made on, as far as its lines say: the kernel's version, how cgroups are mounted.

import type { Config } from '../../kernel.ts'
import type { Scenario } from '../scenario.ts'

/** The machine to play a log on. */
export function machineOf({ lines }: Pick<Scenario, 'lines'>): Partial<Config> {
  let cgroups: Config['cgroups'] | undefined
  let version: readonly [number, number] | undefined
  for (const line of lines) {
    if (line.kind !== 'call' || line.expected.kind !== 'value') continue
    const { text } = line
    if (version === undefined && line.name === 'uname') {
      const found = /release="(\d+)\.(\d+)/.exec(text)
      if (found) version = [Number(found[1]), Number(found[2])]
    }
    if (!text.includes('/sys/fs/cgroup')) continue
    if (/"\/sys\/fs\/cgroup\/unified["/]/.test(text)) cgroups = 'hybrid'
    else if (cgroups === undefined && /^(statfs|fstatfs)/.test(line.name) && text.includes('CGROUP2_SUPER_MAGIC'))
      cgroups = 'v2'
    else if (
      cgroups !== 'hybrid' &&
      /"\/sys\/fs\/cgroup\/(memory|cpu|cpuset|devices|freezer|blkio|pids|systemd)["/,]/.test(text)
    )
      cgroups = 'v1'
  }
  return { cgroups: cgroups ?? 'v2', ...(version && { version }) }
}
