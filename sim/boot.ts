// Switching a machine on: the namespaces it starts with, a root file system, process 1.

import { makeCgroups, mountCgroups } from './cgroup/boot.ts'
import { allCapabilities, type Credentials } from './credentials.ts'
import { FileTable } from './file-table.ts'
import { type KGid, type KUid, type Pid, rootGid, rootUid } from './ids.ts'
import { type Config, defaultConfig, Kernel } from './kernel.ts'
import { ProgramImage } from './life/image.ts'
import { countTask, initialLimits } from './life/limits.ts'
import { CgroupNamespace } from './ns/cgroup.ts'
import { IpcNamespace } from './ns/ipc.ts'
import { MountNamespace } from './ns/mnt.ts'
import { NetNamespace } from './ns/net.ts'
import { PidEntry, PidNamespace } from './ns/pid.ts'
import { enterSet } from './ns/set.ts'
import { TimeNamespace } from './ns/time.ts'
import { UserNamespace } from './ns/user.ts'
import { UtsNamespace } from './ns/uts.ts'
import { Process } from './process.ts'
import { SignalActions } from './signal/actions.ts'
import { table } from './sys/all.ts'
import { mountSystem } from './system-mounts.ts'
import { Task } from './task.ts'
import { addTerminals } from './tty/devpts.ts'
import { MachineConsole } from './vfs/console.ts'
import type { Dentry } from './vfs/dentry.ts'
import { DeviceRegistry } from './vfs/devices.ts'
import { OpenFile } from './vfs/file.ts'
import type { Inode } from './vfs/inode.ts'
import { addMemoryDevices } from './vfs/memory-devices.ts'
import { attach, newMount } from './vfs/mounting.ts'
import { hold, type Path } from './vfs/path.ts'
import { fileSystems } from './vfs/registry.ts'
import { Tmpfs } from './vfs/tmpfs.ts'
import { newDentry } from './vfs/walk.ts'

/** Steps after process 1 is there, one after the other: each adds what its part of the kernel has from the start. */
const steps: readonly ((kernel: Kernel) => void)[] = [mountSystem, mountCgroups]

const directories: readonly (readonly [string, number])[] = [
  ['bin', 0o755],
  ['etc', 0o755],
  ['root', 0o700],
  ['tmp', 0o1777],
  ['proc', 0o555],
  ['sys', 0o555],
  ['dev', 0o755],
  ['run', 0o755],
  ['var', 0o755],
  ['home', 0o755],
]

/** A machine that has just been switched on. `kernel.init` is its process 1. */
export function bootKernel(config: Partial<Config> = {}): Kernel {
  const kernel = new Kernel({ ...defaultConfig, ...config }, table)
  const { counters } = kernel
  const user = new UserNamespace(counters)
  const pid = new PidNamespace(counters, user, undefined, undefined)
  const cgroups = makeCgroups(kernel)
  kernel.cgroups = cgroups
  const mnt = new MountNamespace(counters, user, undefined, () => {})
  kernel.initial = {
    user,
    pid,
    mnt,
    uts: new UtsNamespace(counters, user, undefined, { hostname: 'machine', domainname: '(none)' }),
    ipc: new IpcNamespace(counters, user, undefined),
    net: new NetNamespace(counters, user, undefined),
    cgroup: new CgroupNamespace(
      counters,
      user,
      undefined,
      cgroups.hierarchies.map(({ root }) => root),
    ),
    time: new TimeNamespace(counters, user, undefined),
  }
  for (const namespace of Object.values(kernel.initial)) namespace.retain()
  kernel.devices = new DeviceRegistry()
  kernel.console = new MachineConsole()
  for (const type of fileSystems) kernel.fileSystems.set(type.name, type)
  addMemoryDevices(kernel)
  addTerminals(kernel)
  const root = makeRoot(kernel)
  kernel.init = makeInit(kernel, root)
  cgroups.adopt(kernel.init)
  openConsole(kernel, root)
  for (const step of steps) step(kernel)
  return kernel
}

/** Below the root lies an empty file system that cannot be taken off, as Linux's rootfs does; so pivot_root(2) works. */
function makeRoot(kernel: Kernel): Path {
  const { user, mnt } = kernel.initial
  const below = new Tmpfs(kernel, user, { type: 'rootfs', source: 'rootfs', mode: 0o755 })
  const first = newMount(kernel, below, below.root)
  mnt.root = first
  first.namespace = mnt
  first.locked = true
  mnt.mounts.add(first)
  const superblock = new Tmpfs(kernel, user, { source: '/dev/root', mode: 0o755, disk: true })
  const mount = newMount(kernel, superblock, superblock.root)
  attach(mount, { mount: first, dentry: below.root }, mnt)
  for (const [name, mode] of directories) makeIn(superblock.root, name, mode)
  return { mount, dentry: superblock.root }
}

function makeIn(directory: Dentry, name: string, mode: number, device?: readonly [number, number]): Dentry {
  const kind = device ? 'character' : 'directory'
  const made = { kind, mode, uid: rootUid, gid: rootGid, ...(device && { device }) } as const
  // Boot's own tmpfs asks nothing of a task.
  const inode = directory.inode.create!(undefined as unknown as Task, name, made) as Inode
  return newDentry(directory, name, inode)
}

function makeInit(kernel: Kernel, root: Path): Task {
  const { user, pid, ...others } = kernel.initial
  const credentials: Credentials = {
    ...{ uid: rootUid, euid: rootUid, suid: rootUid, fsuid: rootUid as KUid },
    ...{ gid: rootGid, egid: rootGid, sgid: rootGid, fsgid: rootGid as KGid },
    groups: [],
    ...{ effective: allCapabilities, permitted: allCapabilities, inheritable: 0n },
    ...{ bounding: allCapabilities, ambient: 0n, securebits: 0 },
    namespace: user,
  }
  const process = new Process(0)
  const entry = new PidEntry(pid, [1 as Pid])
  const task = new Task(kernel, {
    entry,
    process,
    credentials,
    namespaces: enterSet({ ...others, timeForChildren: others.time, pidForChildren: pid }),
    fs: { root: hold(root), cwd: hold(root), umask: 0o022, users: 1 },
    files: new FileTable(),
    comm: 'init',
  })
  pid.entries.set(1 as Pid, entry)
  pid.last = 1 as Pid
  pid.init = task
  entry.task = task
  entry.group.add(process)
  entry.session.add(process)
  process.leader = task
  process.tasks.add(task)
  process.group = entry
  process.session = entry
  process.unkillable = true
  process.actions = new SignalActions()
  process.image = new ProgramImage(undefined, ['init'], [], user)
  process.limits = initialLimits(kernel)
  kernel.tasks.set(task.id, task)
  countTask(task, credentials)
  return task
}

function openConsole(kernel: Kernel, root: Path): void {
  const { init } = kernel
  const devices = root.dentry.children.get('dev')!
  const dentry = makeIn(devices, 'console', 0o600, [5, 1])
  const path = hold({ mount: root.mount, dentry })
  const file = new OpenFile(dentry.inode, path, 2, init.credentials)
  file.operations = kernel.console.operations
  dentry.inode.opens += 1
  for (const fd of [0, 1, 2]) init.files.put(fd, file, false)
}
