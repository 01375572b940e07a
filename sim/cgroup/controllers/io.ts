// The io controller, blkio on version 1: how much goes to and from disks, and how fast. cgroup-v2.rst, IO

import { Disks } from '../../io/disks.ts'
import { ioFiles } from '../../io/files.ts'
import { IoGroup } from '../../io/group.ts'
import { ioLegacyFiles } from '../../io/legacy-files.ts'
import type { Kernel } from '../../kernel.ts'
import { effectiveState } from '../cgroup.ts'
import type { Controller } from '../controller.ts'

/** Makes the controller, and hangs the machine's disks on the kernel as `kernel.disks`. */
export function makeIo(kernel: Kernel): Controller<IoGroup> {
  let root: IoGroup
  const controller: Controller<IoGroup> = {
    name: 'io',
    legacyName: 'blkio',
    threaded: false,
    online(cgroup, parent) {
      const group = new IoGroup(cgroup, parent)
      root ??= group
      return group
    },
  }
  const disks = new Disks(kernel, (task) => effectiveState(task.cgroups.get(root.cgroup.hierarchy)!, controller))
  kernel.disks = disks
  return Object.assign(controller, { files: ioFiles(disks), legacyFiles: ioLegacyFiles(disks) })
}
