// The controllers of a machine, in the order in which the kernel lists them. include/linux/cgroup_subsys.h

import type { Kernel } from '../../kernel.ts'
import type { Controller } from '../controller.ts'
import type { DeviceAccess } from '../device-access.ts'
import { makeCpu } from './cpu.ts'
import { makeCpuset } from './cpuset.ts'
import { makeDevices } from './devices.ts'
import { makeMisc, makeRdma } from './few.ts'
import { makeFreezer } from './freezer.ts'
import { makeHugetlb } from './hugetlb.ts'
import { makeIo } from './io.ts'
import { makeMemory } from './memory.ts'
import { makePids } from './pids.ts'
import { makeCpuacct, makeNetCls, makePerfEvent } from './plain.ts'

export function makeControllers(kernel: Kernel, devices: DeviceAccess): readonly Controller[] {
  return [
    makeCpuset(kernel),
    makeCpu(kernel),
    makeCpuacct(kernel),
    makeIo(kernel),
    makeMemory(kernel),
    makeDevices(devices),
    makeFreezer(),
    makeNetCls(),
    makePerfEvent(),
    makeHugetlb(kernel),
    makePids(),
    makeRdma(),
    makeMisc(kernel),
  ]
}
