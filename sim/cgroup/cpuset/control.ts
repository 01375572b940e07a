// Changing cpusets: what may be asked for, and what follows for the tasks inside. kernel/cgroup/cpuset.c validate_change()

import { type CpuMask, firstCpus, listText, parseList } from '../../cpu/mask.ts'
import type { Kernel } from '../../kernel.ts'
import { type Denied, deny, isDenied } from '../../outcome.ts'
import type { Task } from '../../task.ts'
import { effectiveState } from '../cgroup.ts'
import type { Controller } from '../controller.ts'
import { strip } from '../numbers.ts'
import type { CpusetGroup, LegacyFlag, Partition } from './group.ts'
import { reasons, recompute } from './recompute.ts'

/** MAX_NUMNODES */
const nodesMax = 1024

export interface Asked {
  readonly cpus: CpuMask
  readonly mems: CpuMask
  readonly exclusive: CpuMask
}

export class CpusetControl {
  readonly kernel: Kernel
  readonly controller: Controller<CpusetGroup>
  root!: CpusetGroup
  /** Cgroups that ask to be partitions; without any, a change concerns only what is below it. */
  #partitions = 0

  constructor(kernel: Kernel, controller: Controller<CpusetGroup>) {
    this.kernel = kernel
    this.controller = controller
  }

  get legacy(): boolean {
    return this.root.cgroup.hierarchy.version === 1
  }

  groupOf(task: Task): CpusetGroup {
    return effectiveState(task.cgroups.get(this.root.cgroup.hierarchy)!, this.controller)
  }

  /** Where a task may run: what it asked for, as far as its cpuset has it (CST-104). */
  allowed(task: Task): CpuMask {
    const { effectiveCpus } = this.groupOf(task)
    const cpus = effectiveCpus || firstCpus(this.kernel.config.cpus)
    return task.affinity === undefined ? cpus : cpus & task.affinity || cpus
  }

  /** @errors EACCES the root; EINVAL, ERANGE no list; and those of `change` */
  write(group: CpusetGroup, key: keyof Asked, file: string, text: string): Denied | undefined {
    if (group.parent === undefined) return deny('EACCES', 'CST-110', `${file}: the root has what the machine has`)
    const rule = key === 'exclusive' ? 'CST-108' : 'CST-102'
    const { cpus } = this.kernel.config
    const mask = parseList(strip(text), key === 'mems' ? nodesMax : cpus, rule, file)
    if (isDenied(mask)) return mask
    const there = key === 'mems' ? this.root.mems : this.root.cpus
    if (mask & ~there) return deny('EINVAL', rule, `${file}: ${listText(mask & ~there)} is not there`)
    if (mask === group[key]) return undefined
    const { cpus: old, mems, exclusive } = group
    return this.change(group, { cpus: old, mems, exclusive, [key]: mask }, key, file)
  }

  change(group: CpusetGroup, asked: Asked, key: keyof Asked, file: string): Denied | undefined {
    const refusal =
      (this.legacy && legacyRefusal(group, asked, group.flags, file)) ||
      emptied(group, asked, file) ||
      (this.legacy || key === 'exclusive' ? conflict(group, asked, this.legacy, file) : undefined)
    if (refusal) return refusal
    this.kernel.cpu?.update()
    Object.assign(group, asked)
    this.#spread(group)
    return undefined
  }

  setPartition(group: CpusetGroup, partition: Partition): void {
    if (group.partition === partition) return
    this.kernel.cpu?.update()
    this.#partitions += Number(partition !== 'member') - Number(group.partition !== 'member')
    group.partition = partition
    group.invalid = partition === 'member' ? undefined : reasons.noCpus
    this.#fromRoot(group)
    this.kernel.cpu?.replan()
  }

  /** @errors EACCES the parent is not so; EBUSY a child needs it; EINVAL siblings share what is to be exclusive */
  setFlag(group: CpusetGroup, flag: LegacyFlag, on: boolean): Denied | undefined {
    const flags = new Set(group.flags)
    if (on) flags.add(flag)
    else flags.delete(flag)
    const file = `cpuset.${flag}`
    const refusal = legacyRefusal(group, group, flags, file) || conflict(group, { ...asked(group), flags }, true, file)
    if (refusal) return refusal
    if (on) group.flags.add(flag)
    else group.flags.delete(flag)
    return undefined
  }

  /** A cgroup has the controller from now on. */
  online(group: CpusetGroup): void {
    const { parent } = group
    if (parent === undefined) {
      this.root = group
      group.cpus = firstCpus(this.kernel.config.cpus)
      group.mems = 1n
      group.effectiveCpus = group.effectiveExclusive = group.cpus
      group.effectiveMems = group.mems
      group.flags.add('cpu_exclusive').add('mem_exclusive')
      return
    }
    if (this.legacy && group.cgroup.cloneChildren) {
      group.cpus = parent.cpus
      group.mems = parent.mems
    }
    recompute(group, this.legacy)
  }

  offline(group: CpusetGroup): void {
    this.kernel.cpu?.update()
    group.parent?.children.delete(group)
    if (group.partition === 'member') return
    this.#partitions -= 1
    this.#fromRoot(group)
    this.kernel.cpu?.replan()
  }

  #spread(group: CpusetGroup): void {
    if (this.#partitions > 0) this.#fromRoot(group)
    else recompute(group, this.legacy)
    this.kernel.cpu?.replan()
  }

  #fromRoot(cause: CpusetGroup): void {
    this.root.effectiveCpus = this.root.cpus
    recompute(this.root, this.legacy, cause)
  }

  /** For the digest. */
  hidden(): object {
    return { partitions: this.#partitions }
  }
}

const asked = ({ cpus, mems, exclusive }: CpusetGroup): Asked => ({ cpus, mems, exclusive })

/** Tasks are never left without: what was set cannot be cleared under them (CST-105). */
function emptied(group: CpusetGroup, { cpus, mems }: Asked, file: string): Denied | undefined {
  if (!group.cgroup.populated) return undefined
  if ((group.cpus === 0n || cpus !== 0n) && (group.mems === 0n || mems !== 0n)) return undefined
  return deny('ENOSPC', 'CST-105', `${file}: there are tasks in the cgroup, which need it`)
}

/** Version 1: a child has a part of what its parent has, in every respect (V1-008). validate_change_legacy() */
function legacyRefusal(
  group: CpusetGroup,
  { cpus, mems }: Pick<Asked, 'cpus' | 'mems'>,
  flags: ReadonlySet<LegacyFlag>,
  file: string,
): Denied | undefined {
  const within = (
    a: Pick<Asked, 'cpus' | 'mems'>,
    of: ReadonlySet<LegacyFlag>,
    b: Pick<Asked, 'cpus' | 'mems'>,
    its: ReadonlySet<LegacyFlag>,
  ) =>
    (a.cpus & ~b.cpus) === 0n &&
    (a.mems & ~b.mems) === 0n &&
    (['cpu_exclusive', 'mem_exclusive'] as const).every((flag) => !of.has(flag) || its.has(flag))
  for (const child of group.children)
    if (!within(child, child.flags, { cpus, mems }, flags))
      return deny('EBUSY', 'V1-008', `${file}: a child has more than this`)
  const { parent } = group
  if (parent && !within({ cpus, mems }, flags, parent, parent.flags))
    return deny('EACCES', 'V1-008', `${file}: the parent has not that much`)
  return undefined
}

/** Siblings do not share what one of them has for itself alone (CST-108). */
function conflict(
  group: CpusetGroup,
  asked: Asked & { readonly flags?: ReadonlySet<LegacyFlag> },
  legacy: boolean,
  file: string,
): Denied | undefined {
  const flags = asked.flags ?? group.flags
  for (const sibling of group.parent?.children ?? []) {
    if (sibling === group) continue
    const exclusive = (flag: LegacyFlag) => flags.has(flag) || sibling.flags.has(flag)
    const shared = legacy
      ? (exclusive('cpu_exclusive') && (asked.cpus & sibling.cpus) !== 0n) ||
        (exclusive('mem_exclusive') && (asked.mems & sibling.mems) !== 0n)
      : (asked.exclusive & sibling.exclusive) !== 0n ||
        (sibling.cpus !== 0n && (sibling.cpus & ~asked.exclusive) === 0n)
    if (shared) return deny('EINVAL', legacy ? 'V1-008' : 'CST-108', `${file}: a sibling has some of it`)
  }
  return undefined
}
