// Cgroups: the tree of one hierarchy, and who is in each. cgroups(7), cgroup-v2.rst

import type { Task } from '../task.ts'
import type { Controller } from './controller.ts'

/** The unified hierarchy of version 2, or one of version 1 with its own controllers. */
export interface Hierarchy {
  /** 0 for version 2, as in /proc/PID/cgroup. */
  readonly id: number
  readonly version: 1 | 2
  /** Version 1: `name=systemd`. */
  readonly title: string | undefined
  readonly controllers: readonly Controller[]
  readonly root: Cgroup
}

export class Cgroup {
  readonly hierarchy: Hierarchy
  readonly name: string
  readonly parent: Cgroup | undefined
  readonly children = new Map<string, Cgroup>()
  readonly tasks = new Set<Task>()
  /** Removed; descriptors of its files answer ENODEV. */
  dead = false

  constructor(hierarchy: Hierarchy, name: string, parent: Cgroup | undefined) {
    this.hierarchy = hierarchy
    this.name = name
    this.parent = parent
  }
}
