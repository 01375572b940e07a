// Namespaces: each lives as long as something refers to it, and no longer. What refers to it is counted here anew.

import { ProgramImage } from '../../sim/life/image.ts'
import { Socket } from '../../sim/net/socket.ts'
import { NamespaceInode } from '../../sim/ns/file.ts'
import { Namespace } from '../../sim/ns/namespace.ts'
import { PidEntry, PidNamespace } from '../../sim/ns/pid.ts'
import { ProcSuperblock } from '../../sim/proc/superblock.ts'
import { SysfsSuperblock } from '../../sim/sysfs/superblock.ts'
import { OpenFile } from '../../sim/vfs/file.ts'
import { type Everything, Tally } from './invariants.ts'

export function namespaceFaults(machine: Everything): string[] {
  const { all } = machine
  const expected = references(machine)
  const faults: string[] = []
  const known = new Set<Namespace>(all(Namespace))
  for (const [namespace] of expected) known.add(namespace)
  for (const namespace of known) {
    const counted = expected.of(namespace)
    const title = `${namespace.kind}:[${namespace.ino}]`
    if (namespace.references !== counted)
      faults.push(`${title}: it keeps ${namespace.references} references, ${counted} are there`)
  }
  return faults
}

function references({ kernel, all }: Everything): Tally<Namespace> {
  const tally = new Tally<Namespace>()
  for (const namespace of Object.values(kernel.initial)) tally.add(namespace)
  const owned = (namespace: Namespace): void => {
    if (namespace.owner !== (namespace as unknown)) tally.add(namespace.owner)
    if (namespace instanceof PidNamespace) tally.add(namespace.parent)
  }
  for (const task of kernel.tasks.values()) {
    tally.add(task.credentials.namespace)
    if (task.alive) for (const namespace of Object.values(task.namespaces) as Namespace[]) tally.add(namespace)
  }
  const entries = new Set(all(PidEntry))
  for (const namespace of all(PidNamespace)) for (const entry of namespace.entries.values()) entries.add(entry)
  for (const entry of entries)
    if (entry !== kernel.init.entry && entry.namespace.find(entry.numbers[entry.namespace.level]!) === entry)
      tally.add(entry.namespace)
  for (const image of all(ProgramImage)) if (image.users > 0) tally.add(image.namespace)
  for (const inode of all(NamespaceInode)) tally.add(inode.namespace, inode.opens)
  for (const socket of all(Socket)) if (!socket.closed) tally.add(socket.namespace)
  for (const superblock of [...all(ProcSuperblock), ...all(SysfsSuperblock)]) {
    if (superblock.mounts === 0) continue
    tally.add(superblock.namespace)
    tally.add(superblock.owner)
  }
  for (const { operations } of all(OpenFile)) {
    const { hidden } = (operations ?? {}) as { hidden?: () => { opened?: { namespace: Namespace } } }
    const opened = hidden?.call(operations).opened
    if (opened) tally.add(opened.namespace)
  }
  // Those that live refer to others in turn.
  for (const namespace of all(Namespace)) if (namespace.references > 0) owned(namespace)
  return tally
}
