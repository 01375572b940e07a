// Cgroups: the tree of one hierarchy, and who is in each. Counters go up the tree when something changes, so that no
// question about a whole subtree walks through it. cgroups(7), cgroup-v2.rst

import type { KGid, KUid } from '../ids.ts'
import type { Task } from '../task.ts'
import type { Controller, ControllerName } from './controller.ts'
import type { AttachedPrograms } from './device-programs.ts'
import type { CgroupDirectory } from './directory.ts'
import type { CgroupSuperblock } from './superblock.ts'

/** The unified hierarchy of version 2, or one of version 1 with its own controllers. */
export interface Hierarchy {
  /** 0 for version 2, as in /proc/PID/cgroup. */
  readonly id: number
  readonly version: 1 | 2
  /** Version 1: `systemd` for `name=systemd`. */
  readonly title: string | undefined
  /** In the order of the kernel's list. */
  readonly controllers: readonly Controller[]
  readonly root: Cgroup
  /** Mounted at least once: only then /proc/PID/cgroup shows it (version 2). */
  visible: boolean
  /** Options of the whole hierarchy: `nsdelegate` and its kin. */
  readonly options: Set<string>
  /** Made at the first mount. */
  superblock: CgroupSuperblock | undefined
  /** Version 1: the program for notify_on_release. */
  releaseAgent: string
}

export interface Owner {
  readonly uid: KUid
  readonly gid: KGid
}

/** What a controller keeps of one cgroup: css in the kernel's words. */
export interface Held {
  readonly controller: Controller
  readonly state: unknown
  /** Who made it appear: owner of its files (CG-021). */
  readonly owner: Owner
  /** Cgroups below that have the controller, too. */
  descendants: number
}

export class Cgroup {
  readonly hierarchy: Hierarchy
  /** The inode number of its directory; 1 for a root. */
  readonly id: number
  /** Changes by rename(2), on version 1. */
  name: string
  readonly parent: Cgroup | undefined
  /** 0 for a root. */
  readonly level: number
  readonly owner: Owner
  readonly children = new Map<string, Cgroup>()
  /** Live tasks; zombies are in none (CG-008). */
  readonly tasks = new Set<Task>()
  /** Removed; descriptors of its files answer ENODEV. */
  dead = false
  /** Controllers it has itself, in the order of the kernel's list; a root has all of its hierarchy's. */
  readonly held = new Map<ControllerName, Held>()
  /** Version 2: controllers that its children have. */
  subtreeControl: ReadonlySet<ControllerName> = new Set()
  /** The thread domain it belongs to: itself, unless it is threaded. */
  domain: Cgroup = this
  threadedChildren = 0
  /** Children with live tasks in them or below: those with a domain of their own, and threaded ones. */
  populatedDomainChildren = 0
  populatedThreadedChildren = 0
  /** All below, and of those that are removed but still needed (CG-023). */
  descendants = 0
  dyingDescendants = 0
  /** undefined is `max`. */
  maxDepth: number | undefined
  maxDescendants: number | undefined
  /** What cgroup.freeze says here, and whether it or one above is frozen. */
  freeze = false
  frozen = false
  /** When that began, and how long it lasted before; in nanoseconds. */
  frozenSinceNs = 0
  frozenBeforeNs = 0
  /** Time of processors that its tasks and all below have had; of it, those with a nice value above 0. */
  cpuNs = 0
  niceNs = 0
  /** cgroup.pressure: whether pressure is counted, and its files are there. */
  pressure = true
  /** Version 1: cgroup.clone_children and notify_on_release. */
  cloneChildren = false
  notifyOnRelease = false
  /** Everything that keeps a removed cgroup from going for good: charges, zombies, namespaces. */
  pins = 0
  /** Version 2: BPF programs that judge uses of devices. */
  devicePrograms: AttachedPrograms | undefined
  directory: CgroupDirectory | undefined

  constructor(hierarchy: Hierarchy, id: number, name: string, parent: Cgroup | undefined, owner: Owner) {
    this.hierarchy = hierarchy
    this.id = id
    this.name = name
    this.parent = parent
    this.level = parent ? parent.level + 1 : 0
    this.owner = owner
  }

  /** It takes part in the thread domain of an ancestor. cgroup_is_threaded() */
  get isThreaded(): boolean {
    return this.domain !== this
  }

  /** It or one below has a live task. */
  get populated(): boolean {
    return this.tasks.size > 0 || this.populatedDomainChildren > 0 || this.populatedThreadedChildren > 0
  }

  isBelow(other: Cgroup): boolean {
    let at: Cgroup = this
    while (at.level > other.level) at = at.parent!
    return at === other
  }
}

/** The nearest cgroup that holds both. */
export function commonAncestor(a: Cgroup, b: Cgroup): Cgroup {
  let [one, other] = [a, b]
  while (one.level > other.level) one = one.parent!
  while (other.level > one.level) other = other.parent!
  while (one !== other) [one, other] = [one.parent!, other.parent!]
  return one
}

/** A cgroup and all below, parents first. */
export function* preOrder(cgroup: Cgroup): Generator<Cgroup> {
  yield cgroup
  for (const child of cgroup.children.values()) yield* preOrder(child)
}

/** What a controller keeps of a cgroup itself; undefined when it has not the controller. */
export function heldState<S>(cgroup: Cgroup, controller: Controller<S>): S | undefined {
  return cgroup.held.get(controller.name)?.state as S | undefined
}

/** What a controller keeps of the nearest cgroup, here or above, that has it: that is where members are counted. */
export function effectiveState<S>(cgroup: Cgroup, controller: Controller<S>): S {
  for (let at = cgroup; ; at = at.parent!) {
    const held = at.held.get(controller.name)
    if (held) return held.state as S
  }
}
