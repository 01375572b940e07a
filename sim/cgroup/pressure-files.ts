// *.pressure of cgroups: how long tasks have waited, and triggers that tell when it is too long. Nobody is ever counted as
// waiting here, so that triggers are taken and stay silent. Documentation/accounting/psi.rst, kernel/sched/psi.c

import { capable } from '../credentials.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Cgroup } from './cgroup.ts'
import type { At, CgroupFile } from './controller.ts'

export const newerThan = (cgroup: Cgroup, major: number, minor: number): boolean =>
  cgroup.hierarchy.superblock?.kernel.since(major, minor) === true

const noPressure = 'avg10=0.00 avg60=0.00 avg300=0.00 total=0'
const windowLeastUs = 500_000
const windowMostUs = 10_000_000
/** Who has no CAP_SYS_RESOURCE is told by the averages alone, which are made every two seconds. */
const averageUs = 2_000_000

/** `some 150000 1000000`: one trigger of a descriptor, threshold and window in microseconds. psi_trigger_create() */
function trigger({ opened, task }: At<undefined>, name: string, text: string): Denied | undefined {
  if (opened.memory !== undefined)
    return deny('EBUSY', 'psi.rst', `${name}: a descriptor has one trigger, and this one has it`)
  const no = (why: string) => deny('EINVAL', 'psi.rst', `${name}: ${why}`)
  const found = /^(some|full)\s+(\d+)\s+(\d+)/.exec(text)
  if (!found) return no('a trigger is some or full, a threshold and a window')
  const [thresholdUs, windowUs] = [Number(found[2]), Number(found[3])]
  if (windowUs < windowLeastUs || windowUs > windowMostUs) return no('a window has 500 ms to 10 s')
  if (windowUs % averageUs !== 0 && !capable(opened.credentials, 'SYS_RESOURCE', task.kernel.initial.user))
    return no('without CAP_SYS_RESOURCE a window has whole pairs of seconds')
  if (thresholdUs === 0 || thresholdUs > windowUs) return no('a threshold is above 0 and within the window')
  opened.memory = { thresholdUs, windowUs }
  return undefined
}

export function pressure(name: string): CgroupFile {
  return {
    name,
    exists: (cgroup) => cgroup.pressure && newerThan(cgroup, 5, 2),
    read: ({ cgroup }) => {
      const some = `some ${noPressure}\n`
      return name === 'cpu.pressure' && cgroup.parent === undefined && !newerThan(cgroup, 5, 13)
        ? some
        : `${some}full ${noPressure}\n`
    },
    write: (at, text) => trigger(at, name, text),
    // Without a trigger there is nothing to wait for, which poll(2) says as an error.
    news: ({ memory }) => memory === undefined,
  }
}
