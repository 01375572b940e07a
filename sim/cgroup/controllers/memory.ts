// The memory controller: what it keeps of a cgroup, and the pages that a task itself costs the kernel. cgroup-v2.rst, Memory

import type { Kernel } from '../../kernel.ts'
import { deny } from '../../outcome.ts'
import type { Task } from '../../task.ts'
import type { Controller } from '../controller.ts'
import { MemoryControl } from '../memory/control.ts'
import { memoryFiles } from '../memory/files.ts'
import { MemoryGroup } from '../memory/group.ts'
import { tellEnd } from '../memory/legacy-events.ts'
import { memoryLegacyFiles } from '../memory/legacy-files.ts'
import { pin, unpin } from '../tree.ts'

/** A task's stack in the kernel, and the structures that describe it. */
const stackPages = 4
const slabPages = 2

/** Makes the controller, and hangs it on the kernel as `kernel.memory`. */
export function makeMemory(kernel: Kernel): Controller<MemoryGroup> {
  /** Who pays for the task that is being born: its parent (a child may be born elsewhere). */
  let paying: MemoryGroup | undefined
  const payers = new WeakMap<Task, MemoryGroup>()
  const controller: Controller<MemoryGroup> & { files?: unknown; legacyFiles?: unknown } = {
    name: 'memory',
    threaded: false,
    online(cgroup, parent) {
      const group = new MemoryGroup(cgroup, parent)
      if (parent === undefined) control.root = group
      return group
    },
    offline(group) {
      tellEnd(group)
      pin(group.cgroup)
      group.leave(() => unpin(group.cgroup))
    },
    canFork(_state, parent, group) {
      const refusal = control.ask(parent, group, stackPages + slabPages)
      if (refusal !== undefined)
        return deny('ENOMEM', 'MEM-103', 'fork(2): no memory for the stack of a task more in the kernel')
      group.add('stack', stackPages)
      group.add('kernel', slabPages)
      paying = group
      return undefined
    },
    cancelFork() {
      if (paying) giveBack(paying)
      paying = undefined
    },
    forked(_state, child) {
      if (paying) payers.set(child, paying)
      paying = undefined
    },
    exited(_state, task) {
      const payer = payers.get(task)
      payers.delete(task)
      if (payer) giveBack(payer)
    },
  }
  const giveBack = (group: MemoryGroup): void => {
    group.remove('stack', stackPages)
    group.remove('kernel', slabPages)
  }
  const control = new MemoryControl(kernel, controller)
  kernel.memory = control
  return Object.assign(controller, {
    files: memoryFiles(kernel, control),
    legacyFiles: memoryLegacyFiles(control),
  })
}
