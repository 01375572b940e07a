// stats: what a container uses, read from its cgroups and its network namespace.

import { readStats } from '../cgroup/read.ts'
import { UserError } from '../errors.ts'
import { readText, readTextIfThere } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import type { Host, Settings } from './host.ts'
import { lookUp } from './open.ts'
import type { StatsSample, Verbs } from './types.ts'

/** MemTotal and MemFree of proc_meminfo(5), in bytes. */
export function hostMemory(kernel: Kernel): { readonly totalBytes: number; readonly freeBytes: number } {
  const text = readText(kernel, '/proc/meminfo')
  const of = (key: string) => Number(new RegExp(`^${key}:\\s*(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024
  return { totalBytes: of('MemTotal'), freeBytes: of('MemFree') }
}

/** Bytes over all links but the loopback, in a process's network namespace. proc_pid_net(5), net/dev. */
function networkBytes(kernel: Kernel, pid: number): { readonly receiveBytes: number; readonly sendBytes: number } {
  let receiveBytes = 0
  let sendBytes = 0
  for (const line of (readTextIfThere(kernel, `/proc/${pid}/net/dev`, ['ENOENT', 'ESRCH', 'EINVAL']) ?? '').split(
    '\n',
  )) {
    const [, name, counts] = /^\s*([^:]+):(.*)$/.exec(line) ?? []
    if (name === undefined || name === 'lo') continue
    const numbers = counts!.trim().split(/\s+/).map(Number)
    receiveBytes += numbers[0] ?? 0
    sendBytes += numbers[8] ?? 0
  }
  return { receiveBytes, sendBytes }
}

/** @errors UserError when it does not run, or has no cgroup of its own */
export async function stats(host: Host, settings: Settings, container: string): Promise<StatsSample> {
  const { kernel } = host
  const { record, state } = await lookUp(host, settings, container)
  if (state.process === undefined) throw new UserError(`container ${record.name} does not run: it has no figures`)
  if (!state.cgroups) throw new UserError(`container ${record.name} has no cgroup of its own, and so no figures`)
  const found = readStats(kernel, state.cgroups)
  const network =
    state.network?.mode === 'host' ? { receiveBytes: 0, sendBytes: 0 } : networkBytes(kernel, state.process.pid)
  const atNs = host.monotonicNs()
  const total = hostMemory(kernel).totalBytes
  return {
    id: record.id,
    name: record.name,
    atNs,
    runningNs: atNs - BigInt(state.startedNs ?? atNs),
    cpuUsec: Math.round(found.cpu.usageNsec / 1000),
    // As podman counts: cache that can go at once is not what the container needs.
    memoryBytes: Math.max(0, (found.memory?.usageBytes ?? 0) - (found.memory?.inactiveFileBytes ?? 0)),
    memoryLimitBytes: Math.min(found.memory?.limitBytes ?? total, total),
    pids: found.pids?.current ?? 0,
    ...(found.pids?.limit === undefined ? {} : { pidsLimit: found.pids.limit }),
    blockReadBytes: found.io?.readBytes ?? 0,
    blockWriteBytes: found.io?.writeBytes ?? 0,
    networkReceiveBytes: network.receiveBytes,
    networkSendBytes: network.sendBytes,
  }
}

stats satisfies Verbs['stats']
