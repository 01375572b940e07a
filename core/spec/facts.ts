// What a request's meaning depends on besides the request: facts that the engine has looked up.

import type { LinuxDevice, LinuxIDMapping, LinuxNamespaceType, LinuxSeccomp } from './types.ts'
import type { ResolvedUser } from './user.ts'

export interface RequestFacts {
  readonly containerId: string
  /** Becomes root.path. */
  readonly rootPath: string
  readonly cgroupsPath: string
  /** From `resolveUser(userOf(request, image), ...)` and the root filesystem's files. */
  readonly user: ResolvedUser
  /** From `resolveGroups(request.groupAdd, ...)`. */
  readonly addedGids: readonly number[]
  /** See CapabilityFacts. */
  readonly boundingCapabilities: readonly string[]
  /** Container's file to host's file, for those that vitrine writes: /etc/hosts, /etc/resolv.conf, /etc/hostname. */
  readonly files: Readonly<Record<string, string>>
  /** /proc/PID/ns/… of the containers that the request joins (`container:ID`). */
  readonly joinedPaths: Partial<Readonly<Record<LinuxNamespaceType, string>>>
  /** The /dev/shm of a container whose ipc namespace is joined: /proc/PID/root/dev/shm. */
  readonly shmPath?: string
  /** By name, and for unnamed volumes by destination: their directories. */
  readonly volumePaths?: Readonly<Record<string, string>>
  /** By name: what the driver's options make of a volume, where that is no directory of its own. */
  readonly volumeMounts?: Readonly<
    Record<string, { readonly kind: 'tmpfs' | 'bind'; readonly options: readonly string[] }>
  >
  /** By destination: the directories that take the changes of a volume with the option `O`. */
  readonly overlays?: Readonly<Record<string, { readonly upper: string; readonly work: string }>>
  /** By path: what stat(2) says of each device asked for (a directory gives several). */
  readonly deviceNodes: Readonly<Record<string, readonly LinuxDevice[]>>
  /** The host's devices, for `--privileged`. */
  readonly hostDevices: readonly LinuxDevice[]
  /** The profile for this container's capabilities; absent when the request is unconfined. */
  readonly seccomp?: LinuxSeccomp
  /** The container gets a user namespace of its own. */
  readonly newUserNamespace: boolean
  /** Root of the host maps the owners of files for the user namespace that the container is in. */
  readonly mapsOwners?: boolean
  /** For a user namespace of its own. */
  readonly idMappings?: { readonly uid: readonly LinuxIDMapping[]; readonly gid: readonly LinuxIDMapping[] }
  /** gid 5 is mapped in the container's user namespace (always without one). */
  readonly ttyGroupMapped: boolean
  /** The host's program for `--init`. */
  readonly initPath?: string
  /** The kernel has AppArmor enabled. */
  readonly apparmor: boolean
  readonly swapAccounting: boolean
  readonly pidsController: boolean
}
