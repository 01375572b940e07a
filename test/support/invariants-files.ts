// Open files, inodes and mounts: how often each says that it is used is how often it is.

import { AddressSpace } from '../../sim/address-space.ts'
import { FileTable } from '../../sim/file-table.ts'
import { ProgramImage } from '../../sim/life/image.ts'
import { Channel } from '../../sim/net/channel.ts'
import { IpcNamespace } from '../../sim/ns/ipc.ts'
import type { FsContext } from '../../sim/task.ts'
import { OpenFile } from '../../sim/vfs/file.ts'
import { mayBeWritten } from '../../sim/vfs/flags.ts'
import type { Inode } from '../../sim/vfs/inode.ts'
import { Mount } from '../../sim/vfs/mount.ts'
import { type Layers, Overlay } from '../../sim/vfs/overlay.ts'
import { OverlayInode } from '../../sim/vfs/overlay-inode.ts'
import { type Everything, Tally } from './invariants.ts'

export function fileFaults(machine: Everything): string[] {
  const files = openFiles(machine)
  const faults = machine
    .all(OpenFile)
    .filter((file) => file.references !== files.of(file))
    .map((file) => `open file ${nameOf(file)}: ${file.references} references, ${files.of(file)} are there`)
  const mounts = new Tally<Mount>()
  const inodes = new Tally<Inode>()
  const writers = new Tally<Inode>()
  for (const [file] of files) {
    mounts.add(file.path.mount)
    inodes.add(file.inode)
    if (mayBeWritten(file.flags) && file.inode.kind === 'file' && !file.isNoWriter) writers.add(file.inode)
  }
  for (const { root, cwd } of contexts(machine)) {
    mounts.add(root.mount)
    mounts.add(cwd.mount)
  }
  for (const { executable, users } of machine.all(ProgramImage)) if (users > 0) mounts.add(executable?.mount)
  for (const mount of living(machine)) inodes.add(mount.root.inode)
  for (const inode of machine.all(OverlayInode)) inodes.add(inode.real, (inode.hidden() as { pins: number }).pins)
  // An open(2) of a fifo that waits for the other end is in nobody's table yet.
  const waits = [...machine.kernel.tasks.values()].some(({ blocked }) => blocked !== undefined)
  const wrong = (kept: number, counted: number) => (waits ? kept < counted : kept !== counted)
  for (const mount of machine.all(Mount))
    if (wrong(mount.users, mounts.of(mount)))
      faults.push(`mount ${mount.id} of ${mount.source}: ${mount.users} users, ${mounts.of(mount)} are there`)
  for (const [inode, opens] of inodes)
    if (wrong(inode.opens, opens))
      faults.push(`inode ${inode.ino} of ${inode.superblock.type}: opened ${inode.opens} times, ${opens} are there`)
  for (const [inode, count] of writers)
    if (wrong(inode.writers, count))
      faults.push(`inode ${inode.ino} of ${inode.superblock.type}: ${inode.writers} writers, ${count} are there`)
  return faults
}

const nameOf = ({ path, inode }: OpenFile): string => `${path.dentry.name} of ${inode.superblock.type}`

function openFiles({ all }: Everything): Tally<OpenFile> {
  const files = new Tally<OpenFile>()
  for (const table of all(FileTable)) if (table.users > 0) for (const [, { file }] of table.entries()) files.add(file)
  for (const { queue } of all(Channel)) for (const { rights } of queue) for (const file of rights) files.add(file)
  for (const space of all(AddressSpace)) for (const { file } of space.regions) files.add(file)
  return files
}

/** Roots and working directories of who lives. */
function contexts({ kernel }: Everything): Set<FsContext> {
  return new Set([...kernel.tasks.values()].filter(({ alive }) => alive).map(({ fs }) => fs))
}

/** Mounts that have not ended. */
export function living({ kernel, all }: Everything): Mount[] {
  const internal = new Set(kernel.internalMounts.values())
  for (const { queueMount, references } of all(IpcNamespace)) if (queueMount && references > 0) internal.add(queueMount)
  for (const overlay of all(Overlay)) {
    const { upper, work, lower } = (overlay.hidden() as { layers: Layers }).layers
    if (overlay.mounts > 0) for (const layer of [upper, work, ...lower]) if (layer) internal.add(layer.mount)
  }
  const lives = (mount: Mount) => mount.namespace || mount.tree || mount.at || mount.users > 0 || internal.has(mount)
  return [...new Set([...all(Mount), ...internal])].filter(lives)
}
