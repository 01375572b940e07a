// The few steps of which cgroups are made.

import { AT_FDCWD, AT_REMOVEDIR, O } from '../files.ts'
import type { Step } from '../launch/plan.ts'
import type { Syscall } from '../syscall.ts'

/**
 * Makes a cgroup, and its ancestors when they are missing: the parent is there but for the first container, and may go
 * with the last one at any moment, so it is tried twice.
 */
export function makeBelow(make: Step, parents: () => readonly Step[]): Step {
  const again: Step = { ...make, tolerate: ['ENOENT'], otherwise: [...parents(), make] }
  return { ...make, tolerate: ['ENOENT'], otherwise: [...parents(), again] }
}

export function makeParent(directory: string): Step {
  return {
    in: 'parent',
    call: mkdir(directory),
    why: 'make the parent of all containers',
    tolerate: ['EEXIST'],
    undo: rmdir(directory),
  }
}

export function closed(label: string): Step {
  return { in: 'parent', call: { name: 'close', fd: { from: label } }, why: `done with the ${label}` }
}

export function mkdir(directory: string): Syscall {
  return { name: 'mkdirat', dirfd: AT_FDCWD, pathname: directory, mode: 0o755 }
}

export function rmdir(directory: string): Syscall {
  return { name: 'unlinkat', dirfd: AT_FDCWD, pathname: directory, flags: AT_REMOVEDIR }
}

export function openFile(pathname: string): Syscall {
  return { name: 'openat', dirfd: AT_FDCWD, pathname, flags: O.WRONLY | O.CLOEXEC, mode: 0 }
}
