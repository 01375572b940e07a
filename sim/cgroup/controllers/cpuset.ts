// The cpuset controller: on which processors tasks run, and on which nodes their memory is. cgroup-v2.rst, Cpuset

import type { Kernel } from '../../kernel.ts'
import { deny } from '../../outcome.ts'
import type { Controller } from '../controller.ts'
import { CpusetControl } from '../cpuset/control.ts'
import { cpusetFiles, cpusetLegacyFiles } from '../cpuset/files.ts'
import { CpusetGroup } from '../cpuset/group.ts'

/** Makes the controller; the kernel's processors ask it where a task may run. */
export function makeCpuset(kernel: Kernel): Controller<CpusetGroup> {
  const controller: Controller<CpusetGroup> = {
    name: 'cpuset',
    threaded: true,
    online(cgroup, parent) {
      const group = new CpusetGroup(cgroup, parent)
      control.online(group)
      return group
    },
    offline: (group) => control.offline(group),
    // Version 2 always has some; version 1 wants both lists written first (V1-008).
    canAttach: (_from, to) =>
      to.effectiveCpus === 0n || to.effectiveMems === 0n
        ? deny('ENOSPC', 'V1-008', 'cgroup.procs: cpuset.cpus or cpuset.mems of the cgroup is empty')
        : undefined,
    attach(_from, _to, tasks) {
      for (const task of tasks) kernel.cpu?.changed(task)
    },
  }
  const control = new CpusetControl(kernel, controller)
  kernel.cpuset = control
  return Object.assign(controller, { files: cpusetFiles(control), legacyFiles: cpusetLegacyFiles(control) })
}
