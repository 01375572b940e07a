// The freezer of version 1: members stop, and even SIGKILL waits for the thaw (V1-007). cgroup-v1/freezer-subsystem.rst

import { type Denied, deny } from '../../outcome.ts'
import type { Cgroup } from '../cgroup.ts'
import type { CgroupFile, Controller } from '../controller.ts'
import { freezeTask, thawTask } from '../freeze.ts'
import { strip } from '../numbers.ts'

interface Freezer {
  readonly cgroup: Cgroup
}

/** Members stop at once here, so FREEZING is never seen. */
function spread(cgroup: Cgroup, frozen: boolean): void {
  cgroup.frozen = frozen
  for (const task of cgroup.tasks)
    if (frozen) freezeTask(task, 1)
    else thawTask(task)
  for (const child of cgroup.children.values()) {
    const below = frozen || child.freeze
    if (below !== child.frozen) spread(child, below)
  }
}

function setState({ cgroup }: Freezer, text: string): Denied | undefined {
  const word = strip(text)
  if (word !== 'FROZEN' && word !== 'THAWED')
    return deny('EINVAL', 'V1-007', 'freezer.state: FROZEN or THAWED can be written')
  cgroup.freeze = word === 'FROZEN'
  const frozen = cgroup.freeze || cgroup.parent!.frozen
  if (frozen !== cgroup.frozen) spread(cgroup, frozen)
  return undefined
}

const files: readonly CgroupFile<Freezer>[] = [
  {
    name: 'freezer.state',
    where: 'notRoot',
    read: ({ cgroup }) => (cgroup.frozen ? 'FROZEN\n' : 'THAWED\n'),
    write: ({ state }, text) => setState(state, text),
  },
  { name: 'freezer.self_freezing', where: 'notRoot', read: ({ cgroup }) => (cgroup.freeze ? '1\n' : '0\n') },
  { name: 'freezer.parent_freezing', where: 'notRoot', read: ({ cgroup }) => (cgroup.parent!.frozen ? '1\n' : '0\n') },
]

export const makeFreezer = (): Controller<Freezer> => ({
  name: 'freezer',
  threaded: false,
  legacyFiles: files,
  online: (cgroup) => ({ cgroup }),
})
