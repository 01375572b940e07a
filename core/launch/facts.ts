// What the planner must know of the host: plain data, gathered by the engine through the door before it asks for a plan.

import type { CgroupHost } from '../cgroup/detect.ts'
import type { CgroupPaths } from '../cgroup/paths.ts'
import type { Step } from './plan.ts'
import type { CompiledSeccomp } from './seccomp/compile.ts'

/** Sets of capabilities(7) as bits, as /proc/self/status has them. */
export interface CallerCapabilities {
  readonly permitted: bigint
  readonly bounding: bigint
  /** Raised already; 0n for nearly everybody. */
  readonly ambient?: bigint
}

/**
 * The root filesystem as overlay: what mount(8) calls lowerdir (topmost first), upperdir and workdir. In a user namespace
 * its root mounts it: it must be able to search the way to all of them and own the last two.
 */
export interface OverlayFacts {
  readonly lowerDirectories: readonly string[]
  readonly upperDirectory?: string
  readonly workDirectory?: string
  /** An empty directory of the container's own, where the overlay is mounted in the new mount namespace. */
  readonly mountPoint: string
}

/** A v1 hierarchy (or the cgroup2 mount of a hybrid host) as the container is to see it. */
export interface HierarchyFacts {
  /** The directory's name under /sys/fs/cgroup: `memory`, `cpu,cpuacct`, `systemd`, `unified`. */
  readonly name: string
  /** Mount data of a `cgroup` mount: `memory`, `cpu,cpuacct`, `name=systemd`; absent for cgroup2. */
  readonly data?: string
  /** The container's own cgroup in it, on the host. */
  readonly directory: string
}

/** A CgroupPlan of core/cgroup (or what enterCgroup gives), and what a mount of type `cgroup` shows. */
export interface CgroupFacts {
  /** In the parent, before clone3: make the cgroups, write the limits, open what is handed on. */
  readonly create: readonly Step[]
  /** v2: the label of the descriptor of the cgroup's directory, for CLONE_INTO_CGROUP. */
  readonly into?: string
  /** In the child, first thing: v1 moves itself. */
  readonly join: readonly Step[]
  /** Of `cgroupView`; not needed for exec. */
  readonly view?:
    | { readonly version: 2; readonly mountPoint: string }
    | { readonly version: 1; readonly hierarchies: readonly HierarchyFacts[] }
}

export interface LaunchFacts {
  /** uname's release: `6.12.48+deb13-amd64`. */
  readonly release: string
  readonly euid: number
  readonly capabilities: CallerCapabilities
  /** /proc/sys/kernel/cap_last_cap. */
  readonly lastCapability: number
  /** The root filesystem's absolute path, when there is no overlay. */
  readonly rootDirectory?: string
  readonly overlay?: OverlayFacts
  /** The caller is in a user namespace itself (rootless podman calls us so): it has no rights over devices and the host's mounts. */
  readonly callerInUserNamespace?: boolean
  /** For every source of a bind mount, what is there. */
  readonly sources: Readonly<Record<string, 'directory' | 'file'>>
  readonly cgroup?: CgroupFacts
  /** For devices of the spec that have another path on the host, that path; needed where nodes cannot be made. */
  readonly deviceSources?: Readonly<Record<string, string>>
  /** Destinations of tmpfs mounts with `tmpcopyup` that are empty or absent in the image. */
  readonly emptyDestinations?: readonly string[]
  /** For mounts with `idmap` or `ridmap`, by destination: the path of a user namespace with the mapping. */
  readonly idmapNamespaces?: Readonly<Record<string, string>>
  /** Nobody may call setgroups(2) in the new user namespace (user_namespaces(7)): a single mapping without privilege. */
  readonly setgroupsDenied?: boolean
  /** Signals that the caller ignores (SigIgn of /proc/self/status); execve keeps them so. */
  readonly ignoredSignals?: readonly number[]
  /** The oom_score_adj that the child inherits; absent when not known. */
  readonly oomScoreAdj?: number
  /** The compiled filter, and the flags of seccomp(2). */
  readonly seccomp?: CompiledSeccomp
  /** The kernel has SELinux, and it is on. */
  readonly selinux?: boolean
  /** The program stays in the caller's session keyring. session-keyring(7) */
  readonly keepsKeyring?: boolean
  /** So many of the caller's descriptors, from 3 on, are the program's too. */
  readonly preserveFds?: number
  /** The child waits in its namespaces, the host's files still at hand, until hooks have been run. */
  readonly waitsForHooks?: boolean
  /** Whether there is such a program is found out before that wait, not only after it. */
  readonly checksProgram?: boolean
  /** The child waits before its last steps until it is told to start. */
  readonly waitsForStart: boolean
  /**
   * The user namespace of a container of the host's root, which is there already: what the container needs of the host is
   * taken before the child enters it, and the root filesystem is shown as owned by its users.
   */
  readonly userNamespace?: {
    readonly path: string
    /** Who its root is on the host. */
    readonly rootUid: number
    readonly rootGid: number
  }
}

/** What Node ignores at its start; a child inherits it. */
export const ignoredByNode: readonly number[] = [13, 25]

/** What a mount of type `cgroup` shows of a container's cgroups on this host: cgroup2, or every hierarchy by its name. */
export function cgroupView(paths: CgroupPaths, host: CgroupHost): CgroupFacts['view'] {
  if (host.mode === 'v2') return { version: 2, mountPoint: host.unified!.mountPoint }
  const hierarchies: HierarchyFacts[] = host.hierarchies.map(({ mountPoint, controllers }) => ({
    name: nameAt(mountPoint),
    data: controllers.join(','),
    directory: paths.v1[controllers[0]!]!,
  }))
  if (host.unified && paths.unified)
    hierarchies.push({ name: nameAt(host.unified.mountPoint), directory: paths.unified })
  return { version: 1, hierarchies }
}

const nameAt = (mountPoint: string) => mountPoint.slice(mountPoint.lastIndexOf('/') + 1)
