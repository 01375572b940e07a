// What a user asks for: the meaning of the flags of `run` and `create`, as plain data.

import type { CapabilityName } from './names.ts'
import type { LinuxIDMapping, POSIXRlimit } from './types.ts'

/** Where the container's files come from. */
export type Source =
  /** `id`: which image the reference was found to mean; absent, it is looked up. */
  | { readonly kind: 'image'; readonly reference: string; readonly id?: string }
  /** `overlay` is podman's `:O`: changes go to a layer of the container's own. */
  | { readonly kind: 'rootfs'; readonly path: string; readonly overlay: boolean }

/** Which namespace of one kind the container's processes are in. */
export type NamespaceMode =
  | { readonly kind: 'private' }
  | { readonly kind: 'host' }
  /** Another container's, by name or id. */
  | { readonly kind: 'container'; readonly container: string }
  | { readonly kind: 'path'; readonly path: string }

/** Ids of the container and of the host, as in uid_map. user_namespaces(7). */
export interface IdLists {
  readonly uid?: readonly LinuxIDMapping[]
  readonly gid?: readonly LinuxIDMapping[]
}

/** The user namespace has two more, with ids that are chosen for it. */
export type UserMode =
  | NamespaceMode
  /** A range of ids that no other container has; `forced` ids are mapped as said. */
  | { readonly kind: 'auto'; readonly size?: number; readonly forced: IdLists }
  /** The caller is the same user inside, or the one that is given. */
  | { readonly kind: 'keep-id'; readonly uid?: number; readonly gid?: number }

/** The network has two more: none has a loopback only, bridge (and private) an address of its own. */
export type NetworkMode = NamespaceMode | { readonly kind: 'none' } | { readonly kind: 'bridge' }

/** ipc has one more: none has an own namespace and no /dev/shm. */
export type IpcMode = NamespaceMode | { readonly kind: 'none' }

export interface Volume {
  /** A path of the host, the name of a volume, or a volume that goes with the last container that has it. */
  readonly kind: 'bind' | 'named' | 'anonymous'
  /** Absent for an anonymous volume until the container is made: then it has been given a name. */
  readonly source?: string
  readonly destination: string
  /** As in the mount's options: `ro`, `rslave`, `nosuid`; an unnamed option is the default. */
  readonly options: readonly string[]
  /** One of the image's, which nobody asked for. */
  readonly ofImage?: true
}

/** `--volumes-from`: another container's volumes, as they are there or with another access. */
export interface VolumesFrom {
  readonly container: string
  readonly options: readonly string[]
}

export interface Tmpfs {
  readonly destination: string
  readonly options: readonly string[]
}

export interface RequestedDevice {
  /** A device, or a directory of devices, of the host. */
  readonly source: string
  readonly destination: string
  /** Letters of `rwm`. */
  readonly access: string
}

/** Limits; what is absent is not limited (or has the default, for the processes). */
export interface RequestedResources {
  readonly memoryBytes?: number
  /** Memory and swap together; -1 is unlimited. */
  readonly memorySwapBytes?: number
  readonly memoryReservationBytes?: number
  readonly cpus?: number
  /** -1 is unlimited. */
  readonly cpuQuotaUsec?: number
  readonly cpuPeriodUsec?: number
  readonly cpuShares?: number
  readonly cpusetCpus?: string
  readonly cpusetMems?: string
  /** 0 or less is unlimited. */
  readonly pidsLimit?: number
  readonly blkioWeight?: number
}

export interface PortMapping {
  /** An address of the host; absent means all of them. */
  readonly hostIp?: string
  /** Absent means that a free one is chosen. */
  readonly hostPort?: number
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp' | 'sctp'
}

export type SeccompChoice =
  | { readonly kind: 'default' }
  | { readonly kind: 'unconfined' }
  /** A profile's file and what is in it. */
  | { readonly kind: 'file'; readonly path: string; readonly text: string }

export interface RequestedSecurity {
  readonly seccomp: SeccompChoice
  readonly noNewPrivileges: boolean
  /** A profile's name, or `unconfined`; absent means the default, none. */
  readonly apparmor?: string
  /** Paths hidden besides the default ones. */
  readonly mask: readonly string[]
  /** Default masks that are left out; `ALL` leaves out all, and the read-only paths with them. */
  readonly unmask: readonly string[]
}

export interface ContainerRequest {
  readonly source: Source
  /** What follows the image: replaces its Cmd. */
  readonly command: readonly string[]
  /** Replaces the image's Entrypoint; an empty list removes it. */
  readonly entrypoint?: readonly string[]
  readonly name?: string
  readonly replace: boolean
  readonly remove: boolean
  readonly detach: boolean
  readonly interactive: boolean
  readonly terminal: boolean

  /** `NAME=value`, from the files first and then from the flags, later ones winning. */
  readonly env: readonly string[]
  readonly workingDirectory?: string
  /** `name`, `uid`, either with `:group`. */
  readonly user?: string
  /** Names or numbers. */
  readonly groupAdd: readonly string[]
  readonly umask: number
  readonly hostname?: string

  readonly volumes: readonly Volume[]
  /** Looked up when the container is made; absent means none. */
  readonly volumesFrom?: readonly VolumesFrom[]
  readonly tmpfs: readonly Tmpfs[]
  readonly shmSizeBytes: number
  readonly readOnly: boolean
  /** With readOnly: writable tmpfs on /run, /tmp and /var/tmp. */
  readonly readOnlyTmpfs: boolean
  readonly devices: readonly RequestedDevice[]

  readonly resources: RequestedResources
  readonly cgroupParent?: string
  readonly ulimits: readonly POSIXRlimit[]
  readonly sysctl: Readonly<Record<string, string>>
  readonly oomScoreAdj?: number

  /** `all` means what the caller has. */
  readonly capAdd: readonly (CapabilityName | 'all')[]
  readonly capDrop: readonly (CapabilityName | 'all')[]
  readonly privileged: boolean
  readonly security: RequestedSecurity

  /** Absent means private, or with no right to make others, the caller's own. */
  readonly userns?: UserMode
  /** Of a user namespace with ids of the user's choice; when one list is absent it is like the other. */
  readonly idMappings?: IdLists
  /** Names in subuid(5) and subgid(5) whose ranges are mapped from 0 on. */
  readonly subordinates?: { readonly uidName: string; readonly gidName: string }
  readonly pid: NamespaceMode
  readonly ipc: IpcMode
  readonly uts: NamespaceMode
  readonly cgroupns: NamespaceMode
  readonly network: NetworkMode
  readonly publish: readonly PortMapping[]
  /** Lines for /etc/hosts. */
  readonly addHost: readonly { readonly host: string; readonly address: string }[]
  /** Addresses of name servers. */
  readonly dns: readonly string[]

  readonly init: boolean
  /** Absent means the image's, or TERM. */
  readonly stopSignal?: number
  readonly stopTimeoutSeconds: number
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** What is asked for when nothing is said but the source: podman's defaults. */
export function defaultRequest(source: Source, command: readonly string[] = []): ContainerRequest {
  return {
    source,
    command,
    replace: false,
    remove: false,
    detach: false,
    interactive: false,
    terminal: false,
    env: [],
    groupAdd: [],
    umask: 0o022,
    volumes: [],
    tmpfs: [],
    shmSizeBytes: 64 * 1024 * 1024,
    readOnly: false,
    readOnlyTmpfs: true,
    devices: [],
    resources: {},
    ulimits: [],
    sysctl: {},
    capAdd: [],
    capDrop: [],
    privileged: false,
    security: { seccomp: { kind: 'default' }, noNewPrivileges: false, mask: [], unmask: [] },
    pid: { kind: 'private' },
    ipc: { kind: 'private' },
    uts: { kind: 'private' },
    cgroupns: { kind: 'private' },
    network: { kind: 'bridge' },
    publish: [],
    addHost: [],
    dns: [],
    init: false,
    stopTimeoutSeconds: 10,
    labels: {},
    annotations: {},
  }
}
