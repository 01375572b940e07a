// A mount of type cgroup: what the container sees of the host's cgroups. OCI config-linux.md, cgroups(7).

import { AT, MOUNT_ATTR, MOVE_MOUNT, MS, OPEN_TREE } from './constants.ts'
import type { CgroupFacts, HierarchyFacts } from './facts.ts'
import { childStep, from, openInside, type PlanWriter } from './writer.ts'

/** Nothing in a cgroup file system is a program or a device. */
const usual = MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC

type Hierarchies = readonly HierarchyFacts[]

export const cgroupTree = (name: string) => `cgroup ${name}`

/**
 * Without a cgroup namespace of its own the container gets what the host has: on v1 its own cgroups, on v2 the host's mount.
 * They are taken while the host's files can be reached. A fresh mount of cgroup2 would set the mount options of the whole
 * system anew, and with them nsdelegate. cgroup-v2.rst, "Mounting".
 */
export function planCgroupSources(writer: PlanWriter, cgroup: CgroupFacts): void {
  if (cgroup.view === undefined) return
  if (cgroup.view.version === 2) {
    const flags = OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC
    writer.child(
      { name: 'open_tree', dirfd: AT.FDCWD, pathname: cgroup.view.mountPoint, flags },
      "take the host's cgroups",
      { as: cgroupTree('cgroup2') },
    )
    return
  }
  for (const { name, directory } of cgroup.view.hierarchies)
    writer.child(
      { name: 'open_tree', dirfd: AT.FDCWD, pathname: directory, flags: OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC },
      `take the container's ${name} cgroup`,
      { as: cgroupTree(name) },
    )
}

/** v2 without a cgroup namespace: the host's mount on the place that is open. */
export function planHostCgroup2(writer: PlanWriter, place: string, flags: number, destination: string): void {
  const tree = from(cgroupTree('cgroup2'))
  const attr_set = usual | (flags & MS.RDONLY ? MOUNT_ATTR.RDONLY : 0)
  writer.child(
    { name: 'mount_setattr', dirfd: tree, pathname: '', flags: AT.EMPTY_PATH, attr: { attr_set } },
    flags & MS.RDONLY ? 'make them read-only' : 'make them data only',
  )
  writer.child(
    {
      name: 'move_mount',
      from_dirfd: tree,
      from_pathname: '',
      to_dirfd: from(place),
      to_pathname: '',
      flags: MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_EMPTY_PATH,
    },
    `show the container the host's cgroups on ${destination}`,
  )
  writer.mounted(destination, false)
}

/**
 * v1: a tmpfs with a directory for each hierarchy, and links for controllers that are mounted together.
 * @param flags - MS_* of the mount; MS_RDONLY makes the hierarchies and the tmpfs read-only
 * @param ownNamespace - each is mounted anew and begins at the container's cgroup; otherwise that is bound
 */
export function planCgroupV1(
  writer: PlanWriter,
  destination: string,
  view: Hierarchies,
  flags: number,
  ownNamespace: boolean,
): void {
  const place = `${destination} cgroups`
  writer.destination(destination, 'directory', place)
  writer.child({ name: 'fchdir', fd: from(place) }, `stand in ${destination}`)
  writer.child(
    {
      name: 'mount',
      source: 'tmpfs',
      target: '.',
      filesystemtype: 'tmpfs',
      mountflags: flags & ~MS.RDONLY,
      data: 'mode=755',
    },
    'make a place for the cgroup hierarchies',
  )
  writer.mounted(destination, true)
  const parent = from(writer.directory(destination))
  for (const { name, data } of view) {
    const label = `${destination}/${name}`
    writer.child({ name: 'mkdirat', dirfd: parent, pathname: name, mode: 0o755 }, `make ${label}`)
    if (ownNamespace) {
      writer.add(openInside(label, label, `find ${label}`))
      writer.child({ name: 'fchdir', fd: from(label) }, `stand in ${label}`)
      const filesystemtype = data === undefined ? 'cgroup2' : 'cgroup'
      writer.child(
        { name: 'mount', source: 'cgroup', target: '.', filesystemtype, mountflags: flags, data: data ?? null },
        `show the container its ${name} cgroup`,
      )
      continue
    }
    const tree = from(cgroupTree(name))
    const attr_set = usual | (flags & MS.RDONLY ? MOUNT_ATTR.RDONLY : 0)
    writer.child(
      { name: 'mount_setattr', dirfd: tree, pathname: '', flags: AT.EMPTY_PATH, attr: { attr_set } },
      flags & MS.RDONLY ? 'make it read-only' : 'make it data only',
    )
    writer.child(
      {
        name: 'move_mount',
        from_dirfd: tree,
        from_pathname: '',
        to_dirfd: parent,
        to_pathname: name,
        flags: MOVE_MOUNT.F_EMPTY_PATH,
      },
      `show the container its ${name} cgroup`,
    )
  }
  for (const { name } of view)
    if (name.includes(','))
      for (const linkpath of name.split(','))
        writer.child({ name: 'symlinkat', target: name, newdirfd: parent, linkpath }, `find ${linkpath} in ${name}`)
  if (flags & MS.RDONLY)
    writer.add(
      childStep(
        {
          name: 'mount_setattr',
          dirfd: parent,
          pathname: '',
          flags: AT.EMPTY_PATH,
          attr: { attr_set: MOUNT_ATTR.RDONLY },
        },
        'let nobody change the list of hierarchies',
      ),
    )
}
