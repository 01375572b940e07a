// Which cgroup hierarchies the host has, and where: read from /proc/self/mountinfo in a handful of calls.

import type { Errno } from '../errno.ts'
import { UserError } from '../errors.ts'
import { AT_FDCWD, list, must, readText, readTextIfThere } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import type { LinuxResources } from '../spec/types.ts'

/** A mounted v1 hierarchy. */
export interface Hierarchy {
  readonly mountPoint: string
  /** Controllers, or one `name=NAME` for a hierarchy that has none. Several when they are mounted together. */
  readonly controllers: readonly string[]
}

/** What the host offers. Plain data: it can be kept, printed and made up in a test. */
export interface CgroupHost {
  /** v2: only cgroup2; v1: only v1 hierarchies; hybrid: v1 hierarchies and a cgroup2 mount with what they leave. */
  readonly mode: 'v2' | 'v1' | 'hybrid'
  readonly hierarchies: readonly Hierarchy[]
  /** The cgroup2 mount and the controllers that can be enabled below it. */
  readonly unified?: { readonly mountPoint: string; readonly controllers: readonly string[] }
  /** v1: what a new cpuset gets, from the nearest existing ancestor; a cpuset without both takes no task. */
  readonly cpuset?: { readonly cpus: string; readonly mems: string }
  /** Whether memory+swap can be limited; looked up only when it is asked for. */
  readonly swapLimit?: boolean
  /** The file for block I/O weights, 'none', or undefined: not known before the cgroup exists, or not asked for. */
  readonly weightFile?: WeightFile | 'none'
}

export type WeightFile = 'io.weight' | 'io.bfq.weight' | 'blkio.weight' | 'blkio.bfq.weight'

const absent: readonly Errno[] = ['ENOENT', 'ENOTDIR', 'ENODEV']
/** Why a directory takes no new one from the caller. */
const forbidden: readonly Errno[] = ['EACCES', 'EPERM', 'EROFS']

/** access(2), faccessat2(2). */
const W_OK = 2
const AT_EACCESS = 0x200

/** Words in a v1 mount's options that are no controllers. cgroups(7), "Mounting v1 controllers". */
const optionWords = new Set(['rw', 'ro', 'noprefix', 'xattr', 'clone_children', 'cpuset_v2_mode', 'favordynmods'])

/** Undoes mountinfo's octal escapes (proc_pid_mountinfo(5)): \040 and the like. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** The cgroup mounts in the text of a mountinfo file; the first mount of a hierarchy counts. */
export function cgroupMounts(mountinfo: string): { hierarchies: Hierarchy[]; unifiedMountPoint?: string } {
  const hierarchies: Hierarchy[] = []
  const seen = new Set<string>()
  let unifiedMountPoint: string | undefined
  for (const line of mountinfo.split('\n')) {
    const middle = line.indexOf(' - cgroup')
    if (middle < 0) continue
    const mountPoint = unescaped(line.split(' ', 5)[4]!)
    const [type, , options = ''] = line.slice(middle + 3).split(' ')
    if (type === 'cgroup2') unifiedMountPoint ??= mountPoint
    if (type !== 'cgroup') continue
    const controllers = options
      .split(',')
      .filter((word) => !optionWords.has(word) && (!word.includes('=') || word.startsWith('name=')))
    if (controllers.length === 0 || controllers.some((controller) => seen.has(controller))) continue
    for (const controller of controllers) seen.add(controller)
    hierarchies.push({ mountPoint, controllers })
  }
  return { hierarchies, unifiedMountPoint }
}

/**
 * Reads what cgroups the host has. `wanted` says for which cgroup and limits, so that only what matters is looked up.
 * Sources: cgroups(7), proc_pid_mountinfo(5), Documentation/admin-guide/cgroup-v2.rst.
 * @throws UserError when no cgroup file system is mounted
 */
export function detectCgroups(
  kernel: Kernel,
  wanted: { readonly path?: string; readonly resources?: LinuxResources } = {},
): CgroupHost {
  const { hierarchies, unifiedMountPoint } = cgroupMounts(readText(kernel, '/proc/self/mountinfo'))
  if (hierarchies.length === 0 && unifiedMountPoint === undefined)
    throw new UserError('no cgroup file system is mounted: mount cgroup2 on /sys/fs/cgroup, or run without cgroups')
  const unified =
    unifiedMountPoint === undefined
      ? undefined
      : {
          mountPoint: unifiedMountPoint,
          controllers: words(readText(kernel, `${unifiedMountPoint}/cgroup.controllers`)),
        }
  const host: CgroupHost = {
    mode: hierarchies.length === 0 ? 'v2' : unified === undefined ? 'v1' : 'hybrid',
    hierarchies,
    ...(unified === undefined ? {} : { unified }),
  }
  const cpuset = hierarchies.find((each) => each.controllers.includes('cpuset'))
  const { memory, blockIO } = wanted.resources ?? {}
  return {
    ...host,
    ...(cpuset === undefined ? {} : { cpuset: cpusetAbove(kernel, cpuset.mountPoint, wanted.path ?? '/vitrine/x') }),
    ...(memory?.swap === undefined ? {} : { swapLimit: hasSwapLimit(kernel, host) }),
    ...(blockIO?.weight === undefined && blockIO?.weightDevice === undefined
      ? {}
      : { weightFile: weightFile(kernel, host) }),
  }
}

/** Where a controller lives: the mount point of its v1 hierarchy, or 'unified', or undefined when the host has it not. */
export function whereIs(host: CgroupHost, controller: string): Hierarchy | 'unified' | undefined {
  const v1 = host.hierarchies.find((each) => each.controllers.includes(controller))
  if (v1 !== undefined) return v1
  return host.unified?.controllers.includes(controller) ? 'unified' : undefined
}

/** The caller's own cgroup: the path per hierarchy, with '' for cgroup2. cgroups(7), /proc/PID/cgroup. */
export function ownCgroups(kernel: Kernel, pid: number | 'self' = 'self'): Map<string, string> {
  const paths = new Map<string, string>()
  for (const line of readText(kernel, `/proc/${pid}/cgroup`).trim().split('\n')) {
    const [, controllers = '', ...path] = line.split(':')
    for (const controller of controllers.split(',')) paths.set(controller, path.join(':'))
  }
  return paths
}

/**
 * Whether the caller may make a cgroup at `path` in every hierarchy: without root, only where cgroups are delegated to it.
 * Asks about the nearest ancestor that exists.
 */
export function mayMakeCgroups(kernel: Kernel, host: CgroupHost, path: string): boolean {
  const mountPoints = host.hierarchies.map((each) => each.mountPoint)
  if (host.unified) mountPoints.push(host.unified.mountPoint)
  return mountPoints.every((mountPoint) => {
    for (let above = path; ; ) {
      above = above.slice(0, Math.max(0, above.lastIndexOf('/')))
      const pathname = `${mountPoint}${above}`
      const may = mayWrite(kernel, pathname)
      if (may !== undefined || above === '') return may ?? false
    }
  })
}

/** Whether the caller may make something in a directory; undefined when it is not there. */
export function mayWrite(kernel: Kernel, pathname: string): boolean | undefined {
  const answer = kernel.call({ name: 'faccessat2', dirfd: AT_FDCWD, pathname, mode: W_OK, flags: AT_EACCESS })
  if (!refused(answer)) return true
  if (answer.errno === 'ENOENT') return undefined
  if (!forbidden.includes(answer.errno)) must(answer, `ask whether ${pathname} may be written to`)
  return false
}

/** The words of a file like cgroup.controllers. */
export function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}

/** The CPUs and memory nodes of the nearest ancestor of `path` that exists. */
function cpusetAbove(kernel: Kernel, mountPoint: string, path: string): { cpus: string; mems: string } {
  for (let above = path; ; ) {
    above = above.slice(0, Math.max(0, above.lastIndexOf('/')))
    const cpus = readTextIfThere(kernel, `${mountPoint}${above}/cpuset.cpus`)?.trim()
    const mems = cpus ? readText(kernel, `${mountPoint}${above}/cpuset.mems`).trim() : ''
    // an ancestor that is there but not set up yet gives nothing: the one above it decides
    if ((cpus && mems) || above === '') return { cpus: cpus ?? '', mems }
  }
}

function hasSwapLimit(kernel: Kernel, host: CgroupHost): boolean {
  const memory = whereIs(host, 'memory')
  if (memory === undefined) return false
  return exists(kernel, memory === 'unified' ? '/proc/swaps' : `${memory.mountPoint}/memory.memsw.limit_in_bytes`)
}

/**
 * Which file takes block I/O weights. The weight files are not in the root cgroup, so other files tell of them: on v1
 * `blkio.bfq.*` of the bfq scheduler; on v2 a cgroup below the root that has the io controller.
 */
function weightFile(kernel: Kernel, host: CgroupHost): WeightFile | 'none' | undefined {
  const io = whereIs(host, 'blkio')
  if (io !== undefined && io !== 'unified') {
    const names = list(kernel, io.mountPoint)
    if (names.includes('blkio.weight')) return 'blkio.weight'
    return names.some((name) => name.startsWith('blkio.bfq.')) ? 'blkio.bfq.weight' : 'none'
  }
  if (whereIs(host, 'io') !== 'unified') return 'none'
  const root = host.unified!.mountPoint
  for (const name of list(kernel, root)) {
    if (!exists(kernel, `${root}/${name}/io.stat`)) continue
    if (exists(kernel, `${root}/${name}/io.bfq.weight`)) return 'io.bfq.weight'
    return exists(kernel, `${root}/${name}/io.weight`) ? 'io.weight' : 'none'
  }
  return undefined
}

/** What cannot be asked is not absent: a limit would be left out. */
function exists(kernel: Kernel, path: string): boolean {
  const answer = kernel.call({ name: 'faccessat2', dirfd: AT_FDCWD, pathname: path, mode: 0, flags: 0 })
  if (refused(answer) && !absent.includes(answer.errno)) must(answer, `look for ${path}`)
  return !refused(answer)
}
