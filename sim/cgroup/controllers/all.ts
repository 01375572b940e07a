// The controllers of a machine, in the order in which the kernel lists them. include/linux/cgroup_subsys.h

import type { Kernel } from '../../kernel.ts'
import type { Controller } from '../controller.ts'
import type { DeviceAccess } from '../device-access.ts'
import { makeDevices } from './devices.ts'
import { makeFreezer } from './freezer.ts'
import { makePids } from './pids.ts'
import { makeCpuacct, makeNetCls, makePerfEvent } from './plain.ts'

export function makeControllers(_kernel: Kernel, devices: DeviceAccess): readonly Controller[] {
  return [
    // cpuset, cpu
    makeCpuacct(),
    // io, memory
    makeDevices(devices),
    makeFreezer(),
    makeNetCls(),
    makePerfEvent(),
    // hugetlb
    makePids(),
    // rdma, misc
  ]
}
