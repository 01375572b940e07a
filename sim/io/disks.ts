// Disks of the machine, and transfers to and from them: counted up the tree, and slowed down where io.max says so (IO-104).

import type { Kernel } from '../kernel.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { DeviceName, IoGroup, LimitKey, Transferred } from './group.ts'

export class Disks {
  readonly #kernel: Kernel
  readonly groupOf: (task: Task) => IoGroup
  /** Whole disks; their partitions have limits of their disk's alone. */
  readonly whole: ReadonlySet<DeviceName> = new Set(['8:0'])
  /** Disks on which iocost is switched on: io.cost.qos of the root. */
  readonly costed = new Set<DeviceName>()

  constructor(kernel: Kernel, groupOf: (task: Task) => IoGroup) {
    this.#kernel = kernel
    this.groupOf = groupOf
  }

  /**
   * The device at the beginning of a line, and the rest. blkg_conf_prep()
   *
   * @errors EINVAL no `MAJ:MIN` and a blank; ENODEV there is no such disk, or it is a partition
   */
  parse(text: string, rule: string, file: string): { readonly device: DeviceName; readonly rest: string } | Denied {
    const found = /^\s*([0-9]+):([0-9]+)(?=\s)/.exec(text)
    if (!found) return deny('EINVAL', rule, `${file}: a line is MAJ:MIN and what is to be set`)
    const device = `${Number(found[1])}:${Number(found[2])}`
    if (!this.whole.has(device)) return deny('ENODEV', rule, `${file}: ${device} is no disk as a whole`)
    return { device, rest: text.slice(found[0].length).trim() }
  }

  /** A task reads from a disk or writes to it; what is above its limits it pays for with time. */
  transfer(task: Task, device: DeviceName, kind: 'read' | 'write', bytes: number): void {
    const group = this.groupOf(task)
    const { nowNs } = this.#kernel.clock
    count(group.own, device, kind, bytes)
    let untilNs = nowNs
    for (let at: IoGroup | undefined = group; at; at = at.parent) {
      count(at.total, device, kind, bytes)
      const [bps, iops] = kind === 'read' ? (['rbps', 'riops'] as const) : (['wbps', 'wiops'] as const)
      untilNs = Math.max(untilNs, take(at, device, bps, bytes, nowNs), take(at, device, iops, 1, nowNs))
    }
    task.owedNs += untilNs - nowNs
  }
}

/** Time when a transfer of so much is through; the next one comes after it. */
function take(group: IoGroup, device: DeviceName, key: LimitKey, amount: number, nowNs: number): number {
  const limit = group.limits.get(device)?.[key]
  if (limit === undefined) return nowNs
  const name = `${device} ${key}`
  const untilNs = Math.max(nowNs, group.freeNs.get(name) ?? 0) + Math.ceil((amount * 1e9) / limit)
  group.freeNs.set(name, untilNs)
  return untilNs
}

function count(of: Map<DeviceName, Transferred>, device: DeviceName, kind: 'read' | 'write', bytes: number): void {
  const so = of.get(device) ?? { readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 }
  of.set(device, so)
  if (kind === 'read') {
    so.readBytes += bytes
    so.reads += 1
  } else {
    so.writtenBytes += bytes
    so.writes += 1
  }
}
