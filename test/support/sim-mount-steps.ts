// Steps of random tests of mounts, and what a machine looks like before and after one that is refused.

import type { Fd } from '../../core/syscall.ts'
import { isDenied, type Outcome } from '../../sim/outcome.ts'
import type { Task } from '../../sim/task.ts'
import { mountinfo } from '../../sim/vfs/mountinfo.ts'
import { letGo } from '../../sim/vfs/path.ts'
import { call as make } from './sim.ts'
import { MS } from './sim-mounts.ts'

export type MountStep =
  | { readonly kind: 'tmpfs'; readonly target: string }
  | { readonly kind: 'bind'; readonly source: string; readonly target: string; readonly rec: boolean }
  | { readonly kind: 'move'; readonly source: string; readonly target: string }
  | { readonly kind: 'make'; readonly target: string; readonly type: number; readonly rec: boolean }
  | { readonly kind: 'umount'; readonly target: string; readonly flags: number }
  | { readonly kind: 'clone'; readonly source: string; readonly target: string }
  | { readonly kind: 'remove'; readonly target: string }
  | { readonly kind: 'leave' }

const none = { filesystemtype: null, data: null }

export function call(task: Task, step: MountStep): Outcome {
  switch (step.kind) {
    case 'tmpfs':
      return make(task, {
        name: 'mount',
        source: 'x',
        target: step.target,
        ...none,
        filesystemtype: 'tmpfs',
        mountflags: 0,
      })
    case 'bind': {
      const mountflags = MS.BIND | (step.rec ? MS.REC : 0)
      return make(task, { name: 'mount', source: step.source, target: step.target, ...none, mountflags })
    }
    case 'move':
      return make(task, { name: 'mount', source: step.source, target: step.target, ...none, mountflags: MS.MOVE })
    case 'make': {
      const mountflags = step.type | (step.rec ? MS.REC : 0)
      return make(task, { name: 'mount', source: null, target: step.target, ...none, mountflags })
    }
    case 'umount':
      return make(task, { name: 'umount2', target: step.target, flags: step.flags })
    case 'remove':
      return make(task, { name: 'rmdir', pathname: step.target })
    case 'clone':
      return cloneAndMove(task, step.source, step.target)
    case 'leave': {
      letGo(task.fs.root)
      letGo(task.fs.cwd)
      task.namespaces.mnt.release()
      return { value: 0 }
    }
  }
}

function cloneAndMove(task: Task, pathname: string, target: string): Outcome {
  const here = -100 as Fd
  const cloned = make(task, { name: 'open_tree', dirfd: here, pathname, flags: 1 | 0x8000 })
  if (isDenied(cloned)) return cloned
  const fd = cloned.value as Fd
  const from = { from_dirfd: fd, from_pathname: '' }
  const moved = make(task, { name: 'move_mount', ...from, to_dirfd: here, to_pathname: target, flags: 4 })
  make(task, { name: 'close', fd })
  return moved
}

/** Makes a call; when it is refused, what all tasks see of mounts before and after. */
export function isRefused(task: Task, tasks: readonly Task[], step: MountStep) {
  const seen = () => tasks.map((one) => (one.namespaces.mnt.references > 0 ? mountinfo(one) : ''))
  const before = seen()
  const outcome = call(task, step)
  return isDenied(outcome) ? { before, after: seen() } : undefined
}
