// Limits as writes, each for the version on which its controller lives on this host.

import { UserError } from '../errors.ts'
import type { LinuxResources } from '../spec/types.ts'
import { asked } from './check.ts'
import { type CgroupHost, whereIs } from './detect.ts'
import { writesV1 } from './v1.ts'
import { writesV2 } from './v2.ts'
import type { FileWrite } from './write.ts'

/** The writes for all limits, each for the version on which its controller lives. */
export function limitWrites(resources: LinuxResources, host: CgroupHost, memoryLimit?: number): FileWrite[] {
  const onV1 = (controller: string) => host.hierarchies.some((each) => each.controllers.includes(controller))
  const { unified, devices, ...others } = resources
  // a version is asked only for what is on it: on a hybrid host each has its part
  const writes = [
    ...writesV1(pick({ ...others, devices }, onV1), host),
    ...writesV2({ ...pick(others, (controller) => !onV1(controller)), unified }, host, memoryLimit),
  ]
  for (const { controller, file } of writes) {
    const asIs = unified !== undefined && file in unified
    const place = controller === 'cgroup' ? host.unified && 'unified' : whereIs(host, controller)
    if (place !== undefined && (!asIs || place === 'unified')) continue
    throw new UserError(
      asIs
        ? `cgroup file ${file}: this host has no ${controller} controller on cgroup v2 (cgroup mode ${host.mode})`
        : `cannot set ${file}: this host has no ${controller} controller (cgroup mode ${host.mode})`,
    )
  }
  if (devices?.length && !onV1('devices') && host.unified === undefined)
    throw new UserError('device rules: this host has neither the devices controller nor cgroup v2')
  const { weight, weightDevice } = resources.blockIO ?? {}
  if ((asked(weight) || weightDevice?.some((each) => asked(each.weight))) && host.weightFile === 'none')
    throw new UserError(
      `block I/O weight: this kernel has no weight file (${onV1('blkio') ? 'blkio.weight, blkio.bfq.weight' : 'io.weight, io.bfq.weight'}); it needs the bfq scheduler or iocost`,
    )
  return writes
}

/** The part of the resources whose controllers are chosen. */
function pick(resources: LinuxResources, chosen: (v1Controller: string) => boolean): LinuxResources {
  const { memory, cpu, pids, blockIO, hugepageLimits, rdma, network, devices } = resources
  const { cpus, mems, ...time } = cpu ?? {}
  return {
    ...(chosen('memory') && { memory }),
    cpu: { ...(chosen('cpu') && time), ...(chosen('cpuset') && { cpus, mems }) },
    ...(chosen('pids') && { pids }),
    ...(chosen('blkio') && { blockIO }),
    ...(chosen('hugetlb') && { hugepageLimits }),
    ...(chosen('rdma') && { rdma }),
    network: {
      ...(chosen('net_cls') && { classID: network?.classID }),
      ...(chosen('net_prio') && { priorities: network?.priorities }),
    },
    ...(chosen('devices') && { devices }),
  }
}
