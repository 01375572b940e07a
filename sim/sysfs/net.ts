// /sys/class/net: the devices of one network namespace. Documentation/ABI/testing/sysfs-class-net

import { parseInteger, unsignedRange } from '../cgroup/numbers.ts'
import { capable } from '../credentials.ts'
import type { Kernel } from '../kernel.ts'
import { type Link, linkFlags, macText } from '../net/link.ts'
import { findLink } from '../net/links.ts'
import type { NetNamespace } from '../ns/net.ts'
import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { DirectoryEntry, Inode } from '../vfs/inode.ts'
import { entryOf, FixedDirectory, file, type Made, PseudoDirectory } from '../vfs/pseudo.ts'
import type { Superblock } from '../vfs/superblock.ts'
import { decode } from '../vfs/utf8.ts'

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

/** mtu_store() in net/core/net-sysfs.c. */
function setMtu(link: Link, namespace: NetNamespace, task: Task, bytes: Uint8Array): Reply {
  if (!capable(task.credentials, 'NET_ADMIN', namespace.owner))
    return deny('EPERM', 'netdevice(7)', 'write(2): a device is changed with CAP_NET_ADMIN over its network namespace')
  const wanted = parseInteger(decode(bytes), unsignedRange)
  if (isDenied(wanted)) return wanted
  const [least, most] = link.kind === 'loopback' || link.kind === 'dummy' ? [0, 2 ** 31 - 1] : [68, 65535]
  if (wanted < least || wanted > most)
    return deny('EINVAL', 'netdevice(7)', `write(2): an MTU of ${link.name} is from ${least} to ${most}`)
  link.mtuBytes = Number(wanted)
  return bytes.length
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
      inode = new FixedDirectory(this.superblock, this.#kernel, deviceFiles(link, this.#namespace))
      this.#inodes.set(link, inode)
    }
    return inode
  }

  entries(task: Task): readonly DirectoryEntry[] {
    return Array.from(this.#namespace.links.values(), ({ name }) => entryOf(name, this.lookup(task, name)!))
  }
}

function deviceFiles(link: Link, namespace: NetNamespace): Readonly<Record<string, Made>> {
  return Object.fromEntries(
    Object.entries(files).map(([name, tell]) => [
      name,
      file({
        read() {
          const value = tell(link)
          return typeof value === 'object' ? value : `${value}\n`
        },
        ...(name === 'mtu' && { write: (task: Task, bytes: Uint8Array) => setMtu(link, namespace, task, bytes) }),
      }),
    ]),
  )
}

export const netDirectory =
  (namespace: NetNamespace): Made =>
  (superblock, kernel) =>
    new NetDevices(superblock, kernel, namespace)
