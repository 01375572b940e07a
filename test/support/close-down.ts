// A machine is closed down: everybody but process 1 ends, what was mounted, made and opened goes. What is left then is what
// there was at the beginning, or something has leaked.

import { Cgroup, preOrder } from '../../sim/cgroup/cgroup.ts'
import { directoryOf } from '../../sim/cgroup/directory.ts'
import { MemoryGroup } from '../../sim/cgroup/memory/group.ts'
import { Clock } from '../../sim/clock.ts'
import { Counters } from '../../sim/counters.ts'
import type { Fields } from '../../sim/digest.ts'
import { HugePages } from '../../sim/huge-pages.ts'
import { IpcTable } from '../../sim/ipc/objects.ts'
import { Kernel } from '../../sim/kernel.ts'
import { endProcess } from '../../sim/life/exit.ts'
import { Link } from '../../sim/net/link.ts'
import { removeLink } from '../../sim/net/links.ts'
import { MountNamespace } from '../../sim/ns/mnt.ts'
import { UtsNamespace } from '../../sim/ns/uts.ts'
import { Process } from '../../sim/process.ts'
import { Random } from '../../sim/random.ts'
import { Task } from '../../sim/task.ts'
import { Inode } from '../../sim/vfs/inode.ts'
import { Mount } from '../../sim/vfs/mount.ts'
import { unmountTree } from '../../sim/vfs/mount-tree.ts'
import { TmpfsInode } from '../../sim/vfs/tmpfs.ts'
import { everything } from './invariants.ts'

const IPC_RMID = 0

/** How many there are of each kind of object, and all of their fields that are no history. */
export interface Things {
  readonly counts: ReadonlyMap<string, number>
  readonly fields: ReadonlyMap<string, string>
}

/** What there was at the beginning. */
export interface Beginning {
  readonly mounts: ReadonlySet<Mount>
  readonly names: ReadonlyMap<TmpfsInode, ReadonlyMap<string, Inode>>
  /** Of what is no directory: its size. */
  readonly sizes: ReadonlyMap<Inode, number>
  readonly cgroups: ReadonlySet<Cgroup>
}

export function beginningOf(kernel: Kernel): Beginning {
  const names = directories(kernel).map((inode) => [inode, new Map(inode.names)] as const)
  const files = names.flatMap(([, below]) => [...below.values()]).filter(({ kind }) => kind !== 'directory')
  return {
    mounts: new Set(kernel.initial.mnt.mounts),
    names: new Map(names),
    sizes: new Map(files.map((file) => [file, file.sizeBytes])),
    cgroups: new Set(cgroupsOf(kernel)),
  }
}

const cgroupsOf = (kernel: Kernel): Cgroup[] =>
  kernel.cgroups.hierarchies.flatMap(({ root }) => Array.from(preOrder(root)))

const directories = (kernel: Kernel): TmpfsInode[] =>
  everything(kernel)
    .all(TmpfsInode)
    .filter(({ kind }) => kind === 'directory')

/** Of no meaning by themselves, or there as soon as somebody has looked. */
const uncounted =
  /^(Object|Array|Map|Set|WaitQueue|Dentry|Uint8Array|PageCache|FileLocks|.*Directory|Charges|Pages|.*File|.*Inode)$/

function things(kernel: Kernel): Things {
  const counts = new Map<string, number>()
  const fields = new Map<string, string>()
  const note = (path: string, value: string) => fields.set(path, value)
  for (const object of everything(kernel, { without: history, note }).objects) {
    const kind = object.constructor.name
    if (kind === 'TmpfsInode' || kind === 'OpenFile' || !uncounted.test(kind))
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return { counts, fields }
}

/** Closes a machine down; answers what is left of it. Undefined: mounts or files of the beginning are not as they were. */
export function closeDown(kernel: Kernel, before: Beginning): Things | undefined {
  const { init, initial, clock, scheduler } = kernel
  for (const task of [...kernel.tasks.values()])
    if (task.process !== init.process && task.alive) endProcess(task.process, { code: 0, signal: 9 })
  scheduler.settle()
  for (const mount of [...initial.mnt.mounts])
    if (!before.mounts.has(mount) && mount.namespace) unmountTree(mount, { propagate: false, sync: false })
  for (const mount of before.mounts) if (!initial.mnt.mounts.has(mount)) return undefined
  for (const { id } of [...initial.ipc.semaphores])
    kernel.call(init, { name: 'semctl', semid: id, semnum: 0, op: IPC_RMID, arg: 0 })
  for (const [directory, names] of before.names)
    for (const [name, inode] of names) if (directory.names.get(name) !== inode) return undefined
  for (const [file, sizeBytes] of before.sizes) if (file.sizeBytes !== sizeBytes || file.linkCount > 1) return undefined
  for (const table of [initial.ipc.segments, initial.ipc.queues]) table.clear()
  const queues = initial.ipc.queueMount?.root.inode as TmpfsInode | undefined
  for (const [name, inode] of [...(queues?.names ?? [])]) queues!.unlink(init, name, inode)
  for (const link of [...initial.net.links.values()]) if (link.kind !== 'loopback') removeLink(link)
  for (const cgroup of cgroupsOf(kernel).reverse()) {
    if (before.cgroups.has(cgroup)) continue
    if (cgroup.hierarchy.superblock) directoryOf(cgroup.parent!).rmdir(init, cgroup.name)
  }
  const empty = (directory: TmpfsInode, kept: ReadonlyMap<string, Inode> | undefined): void => {
    for (const [name, inode] of [...directory.names]) {
      if (kept?.has(name)) continue
      if (inode.kind === 'directory') {
        empty(inode as TmpfsInode, undefined)
        directory.rmdir(init, name, inode)
      } else directory.unlink(init, name, inode)
    }
  }
  for (const [directory, names] of before.names) empty(directory, names)
  for (let turn = 0; turn < 1000 && clock.advance(); turn++) scheduler.settle()
  return things(kernel)
}

/** What one machine has more, or less, or otherwise than another; a few of these things. */
export function leaks(left: Things, right: Things): string[] {
  const counts = apart(left.counts, right.counts).map(([kind, is, was]) => `${is ?? 0} ${kind} instead of ${was ?? 0}`)
  if (counts.length > 0) return [...counts, ...placesOf(left, right).slice(0, 3)]
  return apart(left.fields, right.fields)
    .map(([path, is, was]) => `${path}: ${is} instead of ${was}`)
    .slice(0, 5)
}

/** Where objects are that the other machine has not. */
const placesOf = (left: Things, right: Things): string[] =>
  [...left.fields].flatMap(([path, value]) => (value.startsWith('new ') && !right.fields.has(path) ? [path] : []))

const apart = <T>(left: ReadonlyMap<string, T>, right: ReadonlyMap<string, T>) =>
  [...new Set([...left.keys(), ...right.keys()])].flatMap((key): [string, T | undefined, T | undefined][] =>
    left.get(key) === right.get(key) ? [] : [[key, left.get(key), right.get(key)]],
  )

/** What a machine remembers of what has been, numbers that it has given away, and how it was set up. */
export const history: readonly Fields[] = [
  [Inode, ['atime', 'mtime', 'ctime', 'btime', 'changeCount', 'mode', 'uid', 'gid', 'xattrs']],
  [Kernel, ['sysctls', 'mountsMax']],
  [HugePages, ['total']],
  [Mount, ['flags', 'group', 'master', 'unbindable']],
  [Task, ['nice', 'affinity', 'signalMask']],
  [Process, ['limits', 'oomScoreAdj', 'oomScoreAdjMin', 'stopSignal', 'stopSeen', 'continued']],
  [UtsNamespace, ['hostname', 'domainname']],
  [MemoryGroup, ['peak', 'memswPeak', 'swapPeak', 'events', 'localEvents', 'swapEvents', 'faults', 'majorFaults']],
  [MemoryGroup, ['scanned', 'stolen', 'swappedIn', 'swappedOut', 'failures', 'memswFailures', 'kernelFailures']],
  [Cgroup, ['frozenSinceNs', 'frozenBeforeNs', 'cpuNs', 'niceNs']],
  [MountNamespace, ['event']],
  [Clock, ['nowNs']],
  // Mounts of the beginning may be shared now; that numbers are not lost is an invariant.
  [Counters, ['peerGroups']],
  [Random, ['a', 'b', 'c', 'counter']],
  [Link, ['sentBytes', 'sentPackets', 'receivedBytes', 'receivedPackets']],
  [IpcTable, ['lastIndex', 'sequence']],
  [
    Object,
    ['peak', 'refused', 'refusedHere', 'oomKills', 'updatedNs', 'loads', 'handled', 'options', 'flags', 'orphans'],
  ],
]
