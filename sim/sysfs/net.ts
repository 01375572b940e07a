// /sys/class/net: the devices of one network namespace. Documentation/ABI/testing/sysfs-class-net

import type { Kernel } from '../kernel.ts'
import { type Link, linkFlags, macText } from '../net/link.ts'
import { findLink } from '../net/links.ts'
import type { NetNamespace } from '../ns/net.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { DirectoryEntry, Inode } from '../vfs/inode.ts'
import { entryOf, FixedDirectory, file, type Made, PseudoDirectory } from '../vfs/pseudo.ts'
import type { Superblock } from '../vfs/superblock.ts'

const files: Readonly<Record<string, (link: Link) => string | number | Denied>> = {
  address: ({ mac }) => macText(mac),
  addr_len: () => 6,
  carrier: (link) =>
    link.up
      ? link.carrier
        ? 1
        : 0
      : deny('EINVAL', 'sysfs(5)', 'sysfs(5): a device that is down has no carrier to tell'),
  flags: (link) => `0x${(linkFlags(link) & 0xffff & ~0x40).toString(16)}`,
  ifalias: ({ alias }) => alias,
  ifindex: ({ index }) => index,
  iflink: ({ peer, index }) => peer?.index ?? index,
  mtu: ({ mtuBytes }) => mtuBytes,
  operstate: (link) =>
    link.kind === 'loopback' ? 'unknown' : link.carrier ? 'up' : link.up ? 'lowerlayerdown' : 'down',
  type: ({ kind }) => (kind === 'loopback' ? 772 : 1),
}

class NetDevices extends PseudoDirectory {
  readonly #namespace: NetNamespace
  readonly #kernel: Kernel
  readonly #inodes = new WeakMap<Link, Inode>()

  constructor(superblock: Superblock, kernel: Kernel, namespace: NetNamespace) {
    super(superblock, kernel)
    this.#kernel = kernel
    this.#namespace = namespace
  }

  lookup(_task: Task, name: string): Inode | undefined {
    const link = findLink(this.#namespace, name)
    if (link === undefined) return undefined
    let inode = this.#inodes.get(link)
    if (inode === undefined) {
      inode = new FixedDirectory(this.superblock, this.#kernel, deviceFiles(link))
      this.#inodes.set(link, inode)
    }
    return inode
  }

  entries(task: Task): readonly DirectoryEntry[] {
    return Array.from(this.#namespace.links.values(), ({ name }) => entryOf(name, this.lookup(task, name)!))
  }
}

function deviceFiles(link: Link): Readonly<Record<string, Made>> {
  return Object.fromEntries(
    Object.entries(files).map(([name, tell]) => [
      name,
      file({
        read() {
          const value = tell(link)
          return typeof value === 'object' ? value : `${value}\n`
        },
      }),
    ]),
  )
}

export const netDirectory =
  (namespace: NetNamespace): Made =>
  (superblock, kernel) =>
    new NetDevices(superblock, kernel, namespace)
