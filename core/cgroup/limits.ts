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
    if (controller === 'cgroup' || whereIs(host, controller) !== undefined) continue
    throw new UserError(
      host.mode === 'v2' || !resources.unified?.[file]
        ? `cannot set ${file}: the ${controller} controller is not available on this host (${host.mode === 'v2' ? `${host.unified!.mountPoint}/cgroup.controllers lacks it` : 'no hierarchy has it'})`
        : `cannot set ${file}: this host has cgroup ${host.mode}, and the ${controller} controller is not on cgroup v2`,
    )
  }
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
    ...(chosen('net_cls') && chosen('net_prio') && { network }),
    ...(chosen('devices') && { devices }),
  }
}
