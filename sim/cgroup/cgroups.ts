// All of a machine's cgroups: its hierarchies, and what forks, exits and opens of devices ask of them. Hangs on the kernel
// as `kernel.cgroups`.

import { rootGid, rootUid } from '../ids.ts'
import type { Kernel } from '../kernel.ts'
import type { CgroupNamespace } from '../ns/cgroup.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { OpenFile } from '../vfs/file.ts'
import { Cgroup, effectiveState, type Hierarchy } from './cgroup.ts'
import type { Controller } from './controller.ts'
import type { DeviceAccess } from './device-access.ts'
import { CgroupDirectory } from './directory.ts'
import { freezeTask } from './freeze.ts'
import { attachRefusal } from './migrate.ts'
import { addMember, pin, removeMember, unpin } from './tree.ts'

/** What is charged to a zombie until it is reaped. */
interface Estate {
  readonly cgroups: readonly Cgroup[]
  readonly charges: readonly (readonly [Controller, unknown])[]
}

export class Cgroups {
  readonly kernel: Kernel
  /** Version 2 first. */
  readonly hierarchies: Hierarchy[] = []
  /** In the order of the kernel's list. */
  readonly controllers: readonly Controller[]
  readonly #zombies = new Map<Task, Estate>()
  readonly devices: DeviceAccess
  /** Where each hierarchy of version 1 lies below /sys/fs/cgroup. */
  readonly directories = new Map<Hierarchy, string>()

  /** @param layout - controllers of each hierarchy of version 1, by name; version 2 has the rest */
  constructor(kernel: Kernel, controllers: readonly Controller[], layout: readonly Layout[], devices: DeviceAccess) {
    this.kernel = kernel
    this.devices = devices
    this.controllers = controllers
    const legacy = new Set(layout.flatMap((each) => each.controllers))
    this.#add(
      2,
      undefined,
      controllers.filter((each) => each.files !== undefined && !legacy.has(each.name)),
    )
    for (const { title, directory, controllers: names } of layout) {
      const ours = controllers.filter((each) => each.legacyFiles !== undefined && names.includes(each.name))
      if (ours.length > 0 || title !== undefined) this.directories.set(this.#add(1, title, ours), directory)
    }
  }

  #add(version: 1 | 2, title: string | undefined, controllers: readonly Controller[]): Hierarchy {
    const hierarchy: { -readonly [K in keyof Hierarchy]: Hierarchy[K] } = {
      ...{ id: this.hierarchies.length, version, title, controllers },
      ...{ visible: version === 1, options: new Set<string>(), superblock: undefined, releaseAgent: '' },
      root: undefined as unknown as Cgroup,
    }
    const owner = { uid: rootUid, gid: rootGid }
    hierarchy.root = new Cgroup(hierarchy, 1, '', undefined, owner)
    for (const controller of controllers)
      hierarchy.root.held.set(controller.name, {
        controller,
        state: controller.online(hierarchy.root, undefined),
        owner,
        descendants: 0,
      })
    this.hierarchies.push(hierarchy)
    return hierarchy
  }

  get unified(): Hierarchy {
    return this.hierarchies[0]!
  }

  /** A hierarchy of version 1 without controllers: every task is in its root. */
  addNamed(title: string): Hierarchy {
    const hierarchy = this.#add(1, title, [])
    for (const task of this.kernel.tasks.values()) {
      task.cgroups.set(hierarchy, hierarchy.root)
      if (task.alive) addMember(hierarchy.root, task)
    }
    return hierarchy
  }

  /** Process 1 is in every root. */
  adopt(task: Task): void {
    for (const hierarchy of this.hierarchies) {
      task.cgroups.set(hierarchy, hierarchy.root)
      addMember(hierarchy.root, task)
      for (const controller of hierarchy.controllers)
        controller.forked?.(effectiveState(hierarchy.root, controller), task)
    }
  }

  /**
   * The cgroup that CLONE_INTO_CGROUP names, if the caller may put a child there (CG-017).
   *
   * @errors EBADF no directory of cgroup2; ENODEV removed; EACCES, ENOENT, EBUSY, EOPNOTSUPP as for cgroup.procs
   */
  target(task: Task, file: OpenFile, wholeProcess = true): Cgroup | Denied {
    const { inode } = file
    const rule = 'clone3(2): CLONE_INTO_CGROUP'
    if (!(inode instanceof CgroupDirectory) || inode.cgroup.hierarchy !== this.unified)
      return deny('EBADF', 'CG-017', `${rule} wants a descriptor of a directory of cgroup2`)
    const { cgroup } = inode
    // The manual says ENODEV; the directory is looked at before the cgroup.
    if (cgroup.dead) return deny('ENOENT', 'CG-017', `${rule}: the cgroup has been removed`)
    const { credentials, namespaces } = task
    const from = task.cgroups.get(this.unified)!
    const opened = { credentials, namespace: namespaces.cgroup }
    return attachRefusal({ from, to: cgroup, opened, wholeProcess, born: true }) ?? cgroup
  }

  /** Whether a task may have a child, in its own cgroups or in one that `target` has answered (PDS-002). */
  canFork(task: Task, target?: Cgroup): Denied | undefined {
    for (const hierarchy of this.hierarchies) {
      const own = task.cgroups.get(hierarchy)!
      const cgroup = hierarchy === this.unified && target ? target : own
      for (const controller of hierarchy.controllers) {
        const refusal = controller.canFork?.(effectiveState(cgroup, controller), task, effectiveState(own, controller))
        if (refusal === undefined) continue
        this.#cancel(task, target, controller)
        return refusal
      }
    }
    return undefined
  }

  /** The fork that `canFork` has allowed does not take place. */
  cancelFork(task: Task, target?: Cgroup): void {
    this.#cancel(task, target, undefined)
  }

  #cancel(task: Task, target: Cgroup | undefined, until: Controller | undefined): void {
    for (const hierarchy of this.hierarchies)
      for (const controller of hierarchy.controllers) {
        if (controller === until) return
        const cgroup = hierarchy === this.unified && target ? target : task.cgroups.get(hierarchy)!
        controller.cancelFork?.(effectiveState(cgroup, controller))
      }
  }

  /** The child is born where its parent is at this moment, or in the target (CG-020); frozen when that is (CG-025). */
  forked(parent: Task, child: Task, target?: Cgroup): void {
    for (const hierarchy of this.hierarchies) {
      const cgroup = hierarchy === this.unified && target ? target : parent.cgroups.get(hierarchy)!
      child.cgroups.set(hierarchy, cgroup)
      addMember(cgroup, child)
      for (const controller of hierarchy.controllers) controller.forked?.(effectiveState(cgroup, controller), child)
      if (cgroup.frozen) freezeTask(child, hierarchy.version)
    }
  }

  /** A task has ended. It keeps its path, but counts as no member any more (CG-008). */
  exited(task: Task): void {
    const charges: (readonly [Controller, unknown])[] = []
    const cgroups = [...task.cgroups.values()]
    for (const [hierarchy, cgroup] of task.cgroups) {
      pin(cgroup)
      for (const controller of hierarchy.controllers) {
        if (controller.exited === undefined && controller.released === undefined) continue
        const state = effectiveState(cgroup, controller)
        controller.exited?.(state, task)
        if (controller.released) charges.push([controller, state])
      }
      removeMember(cgroup, task)
    }
    this.#zombies.set(task, { cgroups, charges })
    task.frozen = undefined
  }

  /** A zombie has been reaped: what still counted for it counts no longer (PDS-004). */
  released(task: Task): void {
    const estate = this.#zombies.get(task)
    if (estate === undefined) return
    this.#zombies.delete(task)
    for (const [controller, state] of estate.charges) controller.released!(state)
    for (const cgroup of estate.cgroups) unpin(cgroup)
  }

  /** What a cgroup namespace shows as the root of a hierarchy. */
  rootFor(namespace: CgroupNamespace, hierarchy: Hierarchy): Cgroup {
    return namespace.roots[hierarchy.id] ?? hierarchy.root
  }

  /** Something that a file of a cgroup tells has changed: whoever polls or watches it is told. kernfs_notify() */
  notify(cgroup: Cgroup, name: string): void {
    cgroup.directory?.fileChanged(name)
  }

  /**
   * Whether a task may use a device (V1-009): the hook of open(2) and mknod(2).
   *
   * @param access - 1 mknod, 2 read, 4 write
   */
  device(
    task: Task,
    kind: 'character' | 'block',
    device: readonly [number, number],
    access: number,
  ): Denied | undefined {
    return this.devices.judge(task, kind, device, access)
  }

  /** For the digest. */
  hidden(): object {
    return { zombies: this.#zombies }
  }
}

export interface Layout {
  /** The directory below /sys/fs/cgroup. */
  readonly directory: string
  readonly title?: string
  readonly controllers: readonly Controller['name'][]
}
