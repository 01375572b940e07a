// sysfs: devices of the network namespace of whoever mounted it, processors, and what runtimes look for. sysfs(5)

import type { Kernel } from '../kernel.ts'
import type { NetNamespace } from '../ns/net.ts'
import type { UserNamespace } from '../ns/user.ts'
import type { Denied } from '../outcome.ts'
import { cpuList } from '../proc/state.ts'
import type { Dentry } from '../vfs/dentry.ts'
import { directory, FixedDirectory, file, type Made, rootOf, text } from '../vfs/pseudo.ts'
import type { Statfs, Superblock } from '../vfs/superblock.ts'
import type { FileSystemType } from '../vfs/types.ts'
import { netDirectory } from './net.ts'

export class SysfsSuperblock implements Superblock {
  readonly type = 'sysfs'
  readonly kernel: Kernel
  readonly device: readonly [number, number]
  readonly source: string
  readonly owner: UserNamespace
  /** Whose devices class/net shows (MNT-107, NET-011). */
  readonly namespace: NetNamespace
  readonly root: Dentry
  flags = 0
  writers = 0
  mounts = 0
  readonly options = (): string => ''

  constructor(kernel: Kernel, namespace: NetNamespace, owner: UserNamespace, source: string) {
    this.kernel = kernel
    this.namespace = namespace
    this.owner = owner
    this.source = source
    this.device = [0, kernel.counters.devices.take()]
    namespace.retain()
    owner.retain()
    this.root = rootOf(this, new FixedDirectory(this, kernel, tree(namespace)))
  }

  readonly statfs = (): Statfs => ({
    type: 0x62656572,
    blockBytes: 4096,
    ...{ blocks: 0, blocksFree: 0, files: 0, filesFree: 0, nameLengthMax: 255 },
  })

  readonly end = (): void => {
    this.kernel.sysfs.delete(this.namespace)
    this.namespace.release()
    this.owner.release()
    this.kernel.counters.devices.giveBack(this.device[1])
  }
}

const delegated = 'cgroup.procs\ncgroup.threads\ncgroup.subtree_control\nmemory.oom.group\n'
const features =
  'nsdelegate\nfavordynmods\nmemory_localevents\nmemory_recursiveprot\nmemory_hugetlb_accounting\npids_localevents\n'

const cpus = file({ read: ({ kernel: { config } }) => `${cpuList(config.cpus)}\n` })

function tree(namespace: NetNamespace): Readonly<Record<string, Made>> {
  return {
    block: directory({ sda: directory({ size: text('41943040\n'), dev: text('8:0\n'), ro: text('0\n') }) }),
    bus: directory({ cpu: directory({ uevent: text('') }) }),
    class: directory({ net: netDirectory(namespace), block: directory({ uevent: text('') }) }),
    dev: directory({
      block: directory({ '8:0': directory({ dev: text('8:0\n') }) }),
      char: directory({ uevent: text('') }),
    }),
    devices: directory({
      system: directory({
        cpu: directory({ online: cpus, possible: cpus, present: cpus, offline: text('\n') }),
        node: directory({ online: text('0\n'), possible: text('0\n') }),
      }),
    }),
    firmware: directory({ memmap: directory({ uevent: text('') }) }),
    fs: directory({
      cgroup: directory({}),
      bpf: directory({}),
      pstore: directory({}),
      fuse: directory({ connections: directory({}) }),
    }),
    kernel: directory({
      cgroup: directory({ delegate: text(delegated), features: text(features) }),
      config: directory({}),
      debug: directory({}),
      mm: directory({
        transparent_hugepage: directory({
          enabled: text('always [madvise] never\n', 0o644),
          hpage_pmd_size: text('2097152\n'),
        }),
        hugepages: directory({
          'hugepages-2048kB': directory({ nr_hugepages: text('0\n'), free_hugepages: text('0\n') }),
        }),
      }),
      security: directory({}),
      tracing: directory({}),
      uevent_seqnum: text('1\n'),
    }),
    module: directory({ kernel: directory({ uevent: text('') }) }),
    power: directory({ state: text('\n') }),
  }
}

export const sysfs: FileSystemType = {
  name: 'sysfs',
  inUserNamespaces: true,
  revealing: true,
  owner: (task) => task.namespaces.net.owner,
  make(task, { source, flags, owner }): SysfsSuperblock | Denied {
    const { kernel } = task
    const { net } = task.namespaces
    const known = kernel.sysfs.get(net)
    if (known) return known as SysfsSuperblock
    const superblock = new SysfsSuperblock(kernel, net, owner, source ?? 'none')
    superblock.flags = flags
    kernel.sysfs.set(net, superblock)
    return superblock
  },
}
