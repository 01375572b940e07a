// The cpu controller: weight, quota, and what came of them. cgroup-v2.rst, CPU Interface Files

import { cpuFiles } from '../../cpu/files.ts'
import { CpuGroup } from '../../cpu/group.ts'
import { cpuLegacyFiles } from '../../cpu/legacy-files.ts'
import { Processors } from '../../cpu/processors.ts'
import type { Kernel } from '../../kernel.ts'
import type { Task } from '../../task.ts'
import type { Controller } from '../controller.ts'

/** Makes the controller, and hangs the processors on the kernel as `kernel.cpu`. */
export function makeCpu(kernel: Kernel): Controller<CpuGroup> {
  const moved = (_from: CpuGroup, _to: CpuGroup, tasks: readonly Task[]) => {
    for (const task of tasks) processors.changed(task)
  }
  const controller: Controller<CpuGroup> = {
    name: 'cpu',
    threaded: true,
    online(cgroup, parent) {
      if (parent === undefined) processors.hierarchy = cgroup.hierarchy
      return new CpuGroup(cgroup, parent)
    },
    offline: (group) => processors.setBandwidth(group, { quotaUsec: undefined, periodUsec: 100_000, burstUsec: 0 }),
    // Called before the move is done: what has been had until now belongs to where the task was.
    canAttach() {
      processors.update()
      return undefined
    },
    attach: moved,
  }
  const processors = new Processors(kernel, controller)
  kernel.cpu = processors
  return Object.assign(controller, { files: cpuFiles(processors), legacyFiles: cpuLegacyFiles(processors) })
}
