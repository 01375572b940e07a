// Which machine a log was made on, as far as its lines say: the kernel's version, how cgroups are mounted.

import type { Config } from '../../kernel.ts'
import type { Scenario } from '../scenario.ts'

const decoder = new TextDecoder()

/** The machine to play a log on. */
export function machineOf({ lines }: Pick<Scenario, 'lines'>): Partial<Config> {
  let cgroups: Config['cgroups'] | undefined
  let [apart, joint, noUnified] = [false, false, false]
  let cpus: number | undefined
  let version: readonly [number, number] | undefined
  for (const line of lines) {
    if (line.kind !== 'call' || line.expected.kind !== 'value') continue
    const text = `${line.text} ${line.args.map((arg) => (arg.kind === 'string' ? `"${decoder.decode(arg.bytes)}"` : '')).join(' ')}`
    if (version === undefined && line.name === 'uname') {
      const found = /release="(\d+)\.(\d+)/.exec(text)
      if (found) version = [Number(found[1]), Number(found[2])]
    }
    if (cpus === undefined && line.name === 'sched_getaffinity' && line.args[2]?.kind === 'list')
      cpus = line.args[2].items.length
    if (!text.includes('/sys/fs/cgroup')) continue
    if (/\/sys\/fs\/cgroup\/cpuacct\//.test(text) && /^mkdir/.test(line.name)) apart = true
    if (text.includes('cpu,cpuacct')) joint = true
    if (/\/sys\/fs\/cgroup\/unified["/]/.test(text)) {
      noUnified ||= text.includes('TMPFS_MAGIC')
      cgroups = noUnified ? 'v1' : 'hybrid'
    } else if (cgroups === undefined && /^(statfs|fstatfs)/.test(line.name) && text.includes('CGROUP2_SUPER_MAGIC'))
      cgroups = 'v2'
    else if (
      cgroups !== 'hybrid' &&
      /\/sys\/fs\/cgroup\/(memory|cpu|cpuset|devices|freezer|blkio|pids|systemd)["/,]/.test(text)
    )
      cgroups = 'v1'
  }
  return {
    cgroups: cgroups ?? 'v2',
    ...(version && { version }),
    ...(cpus && { cpus }),
    ...(apart && !joint && { cpuacctApart: true as const }),
  }
}
