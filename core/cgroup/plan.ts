// The steps that make a container's cgroups with their limits, and those by which its first process gets in.

import { UserError } from '../errors.ts'
import { AT_FDCWD, AT_REMOVEDIR, O } from '../files.ts'
import type { Step } from '../launch/plan.ts'
import type { LinuxResources } from '../spec/types.ts'
import type { Syscall } from '../syscall.ts'
import { asked, checkResources } from './check.ts'
import { type CgroupHost, type Hierarchy, whereIs } from './detect.ts'
import { BPF, deviceProgram } from './device-bpf.ts'
import { deviceRules } from './devices.ts'
import { writesV1 } from './v1.ts'
import { writesV2 } from './v2.ts'
import { type FileWrite, writeSteps } from './write.ts'

/** Where a container's cgroups are: absolute directories. Plain data, kept with the container. */
export interface CgroupPaths {
  /** Below every mount point, as in /proc/PID/cgroup. */
  readonly path: string
  /** By v1 controller (or `name=NAME`); controllers that are mounted together have the same directory. */
  readonly v1: Readonly<Record<string, string>>
  /** On cgroup2. */
  readonly unified?: string
}

export interface CgroupPlan {
  /** In the parent, before clone3. */
  readonly create: readonly Step[]
  /** In the child, right after clone3 and before anything else (a cgroup namespace must be unshared after it). */
  readonly join: readonly Step[]
  /** The label of the opened cgroup2 directory: the `cgroup` of clone3, with CLONE_INTO_CGROUP. */
  readonly into?: string
  readonly paths: CgroupPaths
  /** The directory with the memory controller's files. */
  readonly memoryDirectory?: string
  /** The file with a line `oom_kill N`: memory.events on v2, memory.oom_control on v1. */
  readonly oomFile?: string
}

/** The label of the cgroup2 directory that the child is born into. */
const unifiedLabel = 'cgroup'

/** Enabled wherever they are there, since `stats` reads them; others only when a limit asks for them. */
const usualControllers = ['cpu', 'io', 'memory', 'pids']

/** Where a container's cgroups are (or would be) on a host. */
export function cgroupPaths(path: string, host: CgroupHost): CgroupPaths {
  const v1 = host.hierarchies.flatMap((each) =>
    each.controllers.map((controller) => [controller, directoryIn(each.mountPoint, path)] as const),
  )
  return {
    path,
    v1: Object.fromEntries(v1),
    ...(host.unified === undefined ? {} : { unified: directoryIn(host.unified.mountPoint, path) }),
  }
}

/** The directory with the memory controller's files, if the host has it. */
export function memoryDirectory(paths: CgroupPaths): string | undefined {
  return paths.v1.memory ?? paths.unified
}

/** The file with a line `oom_kill N`, for MonitorOptions. */
export function oomFile(paths: CgroupPaths): string | undefined {
  if (paths.v1.memory !== undefined) return `${paths.v1.memory}/memory.oom_control`
  return paths.unified && `${paths.unified}/memory.events`
}

/**
 * Plans a new cgroup at `path` (such as `/vitrine/ID`) in every hierarchy, with the limits, and the way in.
 * Sources: config-linux.md "Control groups"; cgroups(7); cgroup-v2.rst.
 * @param owner - on the host, of the container's root: may make cgroups below, when the container has its own namespaces
 * @throws UserError for limits that are wrong, contradict each other, or that the host cannot hold
 */
export function planCgroup(
  path: string,
  resources: LinuxResources,
  host: CgroupHost,
  owner?: { readonly uid: number; readonly gid: number },
): CgroupPlan {
  checkPath(path)
  checkResources(resources)
  const paths = cgroupPaths(path, host)
  const writes = limitWrites(resources, host)
  const create = host.hierarchies.flatMap((each) => createV1(path, each, writes, host))
  if (host.unified !== undefined) create.push(...createUnified(path, resources, writes, host, owner))
  const memory = memoryDirectory(paths)
  return {
    create,
    ...joinCgroup(paths, resources, host),
    paths,
    ...(memory === undefined ? {} : { memoryDirectory: memory, oomFile: oomFile(paths) }),
  }
}

/**
 * The way into cgroups that exist: for `exec`. On cgroup2 the child is born there; `open` opens the directory in the
 * parent. On v1 the child writes itself into `tasks`: it moves only itself, so that the kernel need not wait for
 * everybody else (writing to cgroup.procs takes 11 ms on an idle host).
 */
export function enterCgroup(paths: CgroupPaths): { open: Step[]; join: Step[]; into?: string } {
  const { join, into } = joinCgroup(paths)
  return { open: paths.unified === undefined ? [] : [openUnified(paths.unified)], join, ...(into ? { into } : {}) }
}

/** The writes for all limits, each for the version on which its controller lives. */
export function limitWrites(resources: LinuxResources, host: CgroupHost, memoryLimit?: number): FileWrite[] {
  const onV1 = (controller: string) => host.hierarchies.some((each) => each.controllers.includes(controller))
  const { unified, devices, ...others } = resources
  // a version is asked only for what is on it: on a hybrid host each has its part
  const writes = [
    ...writesV1(pick({ ...others, devices }, onV1), host),
    ...writesV2({ ...pick(others, (controller) => !onV1(controller)), unified }, host, memoryLimit),
  ]
  for (const { controller, file } of writes) {
    if (controller === 'cgroup' || whereIs(host, controller) !== undefined) continue
    throw new UserError(
      host.mode === 'v2' || !resources.unified?.[file]
        ? `cannot set ${file}: the ${controller} controller is not available on this host (${host.mode === 'v2' ? `${host.unified!.mountPoint}/cgroup.controllers lacks it` : 'no hierarchy has it'})`
        : `cannot set ${file}: this host has cgroup ${host.mode}, and the ${controller} controller is not on cgroup v2`,
    )
  }
  const { weight, weightDevice } = resources.blockIO ?? {}
  if ((asked(weight) || weightDevice?.some((each) => asked(each.weight))) && host.weightFile === 'none')
    throw new UserError(
      `block I/O weight: this kernel has no weight file (${onV1('blkio') ? 'blkio.weight, blkio.bfq.weight' : 'io.weight, io.bfq.weight'}); it needs the bfq scheduler or iocost`,
    )
  return writes
}

/** The part of the resources whose controllers are chosen. */
function pick(resources: LinuxResources, chosen: (v1Controller: string) => boolean): LinuxResources {
  const { memory, cpu, pids, blockIO, hugepageLimits, rdma, network, devices } = resources
  const { cpus, mems, ...time } = cpu ?? {}
  return {
    ...(chosen('memory') && { memory }),
    cpu: { ...(chosen('cpu') && time), ...(chosen('cpuset') && { cpus, mems }) },
    ...(chosen('pids') && { pids }),
    ...(chosen('blkio') && { blockIO }),
    ...(chosen('hugetlb') && { hugepageLimits }),
    ...(chosen('rdma') && { rdma }),
    ...(chosen('net_cls') && chosen('net_prio') && { network }),
    ...(chosen('devices') && { devices }),
  }
}

function createV1(path: string, hierarchy: Hierarchy, writes: readonly FileWrite[], host: CgroupHost): Step[] {
  const { mountPoint, controllers } = hierarchy
  const directory = directoryIn(mountPoint, path)
  const make: Step = {
    in: 'parent',
    call: mkdir(directory),
    why: `make the container's cgroup for ${controllers.join(' and ')}`,
    as: `made:${controllers[0]}`,
    undo: rmdir(directory),
  }
  const own = writes.filter((write) => controllers.includes(write.controller))
  return [
    makeBelow(make, () =>
      ancestors(path).flatMap((each) => [
        makeParent(directoryIn(mountPoint, each)),
        ...(controllers.includes('cpuset') ? setUpCpuset(directoryIn(mountPoint, each), host) : []),
      ]),
    ),
    ...own.flatMap((write) => writeSteps(write, directory)),
  ]
}

/**
 * Makes a cgroup, and its ancestors when they are missing: the parent is there but for the first container, and may go
 * with the last one at any moment, so it is tried twice.
 */
function makeBelow(make: Step, parents: () => readonly Step[]): Step {
  const again: Step = { ...make, tolerate: ['ENOENT'], otherwise: [...parents(), make] }
  return { ...make, tolerate: ['ENOENT'], otherwise: [...parents(), again] }
}

/** A new v1 cpuset is empty and takes no task; `cgroup.clone_children` lets those below it start as copies. */
function setUpCpuset(directory: string, { cpuset }: CgroupHost): Step[] {
  const writes = [
    ['cpuset.cpus', cpuset?.cpus ?? ''],
    ['cpuset.mems', cpuset?.mems ?? ''],
    ['cgroup.clone_children', '1'],
  ] as const
  return writes
    .filter(([, text]) => text !== '')
    .flatMap(([file, text]) =>
      writeSteps({ controller: 'cpuset', file, lines: [text], why: `set up ${directory} with ${file}` }, directory),
    )
}

function createUnified(
  path: string,
  resources: LinuxResources,
  writes: readonly FileWrite[],
  host: CgroupHost,
  owner: { readonly uid: number; readonly gid: number } | undefined,
): Step[] {
  const { mountPoint, controllers } = host.unified!
  const directory = directoryIn(mountPoint, path)
  const onUnified = ({ controller }: FileWrite) => controller === 'cgroup' || whereIs(host, controller) === 'unified'
  const own = writes.filter(onUnified)
  const needed = controllers.filter(
    (controller) => usualControllers.includes(controller) || own.some((write) => write.controller === controller),
  )
  const rules = host.hierarchies.some((each) => each.controllers.includes('devices'))
    ? []
    : deviceRules(resources.devices)
  const make: Step = {
    in: 'parent',
    call: mkdir(directory),
    why: "make the container's cgroup",
    as: 'made',
    undo: rmdir(directory),
  }
  const parents = () => enableForChildren(mountPoint, path, needed)
  return [
    ...(needed.length === 0 ? [] : parents()),
    makeBelow(make, parents),
    openUnified(directory),
    ...own.flatMap((write) => writeSteps(write, { from: unifiedLabel })),
    ...(rules.length === 0 ? [] : deviceSteps(deviceProgram(rules))),
    ...(owner === undefined ? [] : delegate(owner)),
  ]
}

/**
 * Makes the ancestors and enables the controllers in each, from the root down (a controller can be enabled only where
 * the parent has it enabled). No process is ever put into an ancestor, since one with processes can enable nothing.
 */
function enableForChildren(mountPoint: string, path: string, needed: readonly string[]): Step[] {
  const above = ancestors(path)
  const parent = directoryIn(mountPoint, above.at(-1) ?? '')
  const line = needed.map((controller) => `+${controller}`).join(' ')
  const make = above.map((each) => directoryIn(mountPoint, each))
  if (needed.length === 0) return make.map(makeParent)
  // what is not ours may refuse; whether it matters is told by the last write, to the parent
  const enableAbove = [mountPoint, ...make.slice(0, -1)].flatMap((directory, index): Step[] => [
    ...(index === 0 ? [] : [makeParent(directory)]),
    {
      in: 'parent',
      call: openFile(`${directory}/cgroup.subtree_control`),
      why: `enable ${needed.join(', ')} below ${directory}`,
      as: `enable:${index}`,
      tolerate: ['EACCES', 'EPERM', 'EROFS'],
      and: [
        {
          in: 'parent',
          call: { name: 'write', fd: { from: `enable:${index}` }, buf: line },
          why: `enable ${needed.join(', ')} below ${directory}`,
          tolerate: ['EACCES', 'EPERM', 'EBUSY', 'ENOENT'],
        },
        closed(`enable:${index}`),
      ],
    },
  ])
  const open: Step = {
    in: 'parent',
    call: openFile(`${parent}/cgroup.subtree_control`),
    why: `reach the controllers of ${parent}`,
    as: 'parent',
  }
  const enable: Step = {
    in: 'parent',
    call: { name: 'write', fd: { from: 'parent' }, buf: line },
    why: `enable ${needed.join(', ')} below ${parent}, which must have no processes of its own`,
  }
  if (above.length === 0) return [open, enable, closed('parent')]
  return [
    { ...open, tolerate: ['ENOENT'], otherwise: [...enableAbove, makeParent(parent), open] },
    { ...enable, tolerate: ['ENOENT'], otherwise: [...enableAbove, enable] },
    closed('parent'),
  ]
}

/** The program judges every use of a device by the members of the cgroup. bpf(2). */
function deviceSteps(insns: Uint8Array): Step[] {
  const label = 'device program'
  return [
    {
      in: 'parent',
      call: {
        name: 'bpf',
        cmd: BPF.PROG_LOAD,
        attr: { prog_type: BPF.PROG_TYPE_CGROUP_DEVICE, insns, license: 'Apache-2.0', prog_name: 'devices' },
      },
      why: 'load the device rules',
      as: label,
    },
    {
      in: 'parent',
      call: {
        name: 'bpf',
        cmd: BPF.PROG_ATTACH,
        attr: {
          target_fd: { from: unifiedLabel },
          attach_bpf_fd: { from: label },
          attach_type: BPF.CGROUP_DEVICE,
          attach_flags: BPF.F_ALLOW_MULTI,
        },
      },
      why: 'let the device rules hold in the cgroup',
    },
    closed(label),
  ]
}

/** Gives the cgroup to the container's root. cgroup-v2.rst "Delegation"; config-linux.md "cgroup ownership". */
function delegate({ uid, gid }: { readonly uid: number; readonly gid: number }): Step[] {
  return ['.', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'].map((pathname) => ({
    in: 'parent',
    call: { name: 'fchownat', dirfd: { from: unifiedLabel }, pathname, owner: uid, group: gid, flags: 0 },
    why: "let the container's root make cgroups of its own",
  }))
}

function joinCgroup(
  paths: CgroupPaths,
  resources: LinuxResources = {},
  host?: CgroupHost,
): Pick<CgroupPlan, 'into'> & { join: Step[] } {
  const directories = new Map<string, string[]>()
  for (const [controller, directory] of Object.entries(paths.v1))
    directories.set(directory, [...(directories.get(directory) ?? []), controller])
  const join = [...directories].flatMap(([directory, controllers]): Step[] => {
    const label = `tasks:${controllers[0]}`
    const write: Step = {
      in: 'child',
      call: { name: 'write', fd: { from: label }, buf: '0' },
      why: `enter the cgroup for ${controllers.join(' and ')}`,
    }
    return [
      {
        in: 'child',
        call: openFile(`${directory}/tasks`),
        why: `enter the cgroup for ${controllers.join(' and ')}`,
        as: label,
      },
      // ENOSPC: the parent was not ours and passes no CPUs on
      controllers.includes('cpuset') && host?.cpuset
        ? { ...write, tolerate: ['ENOSPC'], otherwise: [...fillCpuset(directory, resources, host.cpuset), write] }
        : write,
    ]
  })
  return { join, ...(paths.unified === undefined ? {} : { into: unifiedLabel }) }
}

function fillCpuset(directory: string, { cpu }: LinuxResources, above: { cpus: string; mems: string }): Step[] {
  return (['cpus', 'mems'] as const).flatMap((what) => {
    const text = cpu?.[what] || above[what]
    const write = { controller: 'cpuset', file: `cpuset.${what}`, lines: [text], why: `set up the cpuset with ${text}` }
    return text === '' ? [] : writeSteps(write, directory, 'child')
  })
}

function openUnified(directory: string): Step {
  return {
    in: 'parent',
    call: {
      name: 'openat',
      dirfd: AT_FDCWD,
      pathname: directory,
      flags: O.RDONLY | O.DIRECTORY | O.CLOEXEC,
      mode: 0,
    },
    why: 'reach the cgroup into which the container is born',
    as: unifiedLabel,
  }
}

function makeParent(directory: string): Step {
  return {
    in: 'parent',
    call: mkdir(directory),
    why: 'make the parent of all containers',
    tolerate: ['EEXIST'],
    undo: rmdir(directory),
  }
}

function closed(label: string): Step {
  return { in: 'parent', call: { name: 'close', fd: { from: label } }, why: `done with the ${label}` }
}

function mkdir(directory: string): Syscall {
  return { name: 'mkdirat', dirfd: AT_FDCWD, pathname: directory, mode: 0o755 }
}

function rmdir(directory: string): Syscall {
  return { name: 'unlinkat', dirfd: AT_FDCWD, pathname: directory, flags: AT_REMOVEDIR }
}

function openFile(pathname: string): Syscall {
  return { name: 'openat', dirfd: AT_FDCWD, pathname, flags: O.WRONLY | O.CLOEXEC, mode: 0 }
}

/** The cgroups above `path`, from the top, without the root: `/a/b/c` has `/a` and `/a/b`. */
export function ancestors(path: string): string[] {
  const names = path.split('/').slice(1, -1)
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)
}

function directoryIn(mountPoint: string, path: string): string {
  return `${mountPoint === '/' ? '' : mountPoint}${path}`
}

/** @throws UserError for a path that is not absolute and plain */
function checkPath(path: string): void {
  const names = path.split('/').slice(1)
  if (
    !path.startsWith('/') ||
    names.length === 0 ||
    names.some((name) => ['', '.', '..'].includes(name) || /\n/.test(name))
  )
    throw new UserError(`cgroup path ${path}: must be absolute and plain, like /vitrine/web`)
}
