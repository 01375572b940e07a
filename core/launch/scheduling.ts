// How a process gets processors and disks: policy, I/O priority, and the CPUs of an exec. OCI config.md, "Process".

import { UserError } from '../errors.ts'
import type { LinuxIOPriority, Process, Scheduler } from '../spec/types.ts'
import type { PlanWriter } from './writer.ts'

/** sched(7), linux/sched.h */
const policies: Readonly<Record<string, number>> = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
}
const flagNames: Readonly<Record<string, number>> = {
  SCHED_FLAG_RESET_ON_FORK: 0x01,
  SCHED_FLAG_RECLAIM: 0x02,
  SCHED_FLAG_DL_OVERRUN: 0x04,
  SCHED_FLAG_KEEP_POLICY: 0x08,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
}

/** SCHED_ATTR_SIZE_VER0 */
const attrBytes = 48

/** struct sched_attr. sched_setattr(2) */
function attrOf({ policy, nice = 0, priority = 0, flags = [], runtime = 0, deadline = 0, period = 0 }: Scheduler) {
  let bits = 0
  for (const name of flags) {
    const bit = flagNames[name]
    if (bit === undefined) throw new UserError(`process.scheduler.flags: ${name}: Linux has no such flag`)
    bits |= bit
  }
  const attr = new Uint8Array(attrBytes)
  const view = new DataView(attr.buffer)
  view.setUint32(0, attrBytes, true)
  view.setUint32(4, policies[policy]!, true)
  view.setBigUint64(8, BigInt(bits), true)
  view.setInt32(16, nice, true)
  view.setUint32(20, priority, true)
  for (const [at, nanoseconds] of [runtime, deadline, period].entries())
    view.setBigUint64(24 + 8 * at, BigInt(nanoseconds), true)
  return attr
}

const ioClasses: Readonly<Record<string, number>> = { IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 }
const IOPRIO_WHO_PROCESS = 1

const ioPriorityOf = ({ class: name, priority = 0 }: LinuxIOPriority): number => (ioClasses[name]! << 13) | priority

/** Early, while the child has all rights of the caller: real-time policies and classes need CAP_SYS_NICE. */
export function planScheduling(writer: PlanWriter, { scheduler, ioPriority }: Process): void {
  if (scheduler)
    writer.child(
      { name: 'sched_setattr', pid: 0, attr: attrOf(scheduler), flags: 0 },
      `be scheduled by ${scheduler.policy} (process.scheduler)`,
    )
  if (ioPriority)
    writer.child(
      { name: 'ioprio_set', which: IOPRIO_WHO_PROCESS, who: 0, ioprio: ioPriorityOf(ioPriority) },
      `have disks by ${ioPriority.class} (process.ioPriority)`,
    )
}

/** More than Linux can have of CPUs (8192) and of memory nodes (1024). */
const numbersMost = 8192

/**
 * A list of numbers as a mask, the lowest bit first. cpuset(7), "List format"
 *
 * @param what - the numbers are: `CPUs`
 * @errors UserError for what is no such list
 */
export function listMask(list: string, field: string, what: string): Uint8Array {
  const wrong = () => new UserError(`${field}: ${list}: must be a list of ${what} such as 0-3,7`)
  const ranges = list.split(',').map((part) => {
    const [, first, last = first] = /^ *(\d{1,5})(?:-(\d{1,5}))? *$/.exec(part) ?? []
    if (first === undefined || Number(last) < Number(first) || Number(last) >= numbersMost) throw wrong()
    return [Number(first), Number(last)] as const
  })
  const most = Math.max(...ranges.map(([, last]) => last))
  // Whole longs, as the kernel has them.
  const mask = new Uint8Array(8 * (Math.floor(most / 64) + 1))
  for (const [first, last] of ranges) for (let bit = first; bit <= last; bit++) mask[bit >> 3]! |= 1 << (bit & 7)
  return mask
}

/** Of an exec: `initial` before the cgroup is entered, in the parent, which the child inherits it from; `final` after. */
export function planAffinity(writer: PlanWriter, { execCPUAffinity }: Process, when: 'initial' | 'final'): void {
  const list = execCPUAffinity?.[when]
  if (!list) return
  const mask = listMask(list, `process.execCPUAffinity.${when}`, 'CPUs')
  writer[when === 'initial' ? 'parent' : 'child'](
    { name: 'sched_setaffinity', pid: 0, cpusetsize: mask.length, mask },
    `run on the CPUs ${list} ${when === 'initial' ? 'until the cgroup is entered' : 'in the cgroup'}`,
  )
}
