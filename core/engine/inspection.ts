// What `inspect` answers, under podman's field names (podman-container-inspect(1)), so that scripts written for it read ours.

export interface InspectedState {
  readonly OciVersion: string
  readonly Status: string
  readonly Running: boolean
  readonly Paused: boolean
  readonly Restarting: boolean
  readonly OOMKilled: boolean
  readonly Dead: boolean
  readonly Pid: number
  /** The monitor's, where podman has ConmonPid. */
  readonly MonitorPid: number
  readonly ConmonPid: number
  readonly ExitCode: number
  /** The status died with the monitor; ExitCode is 255 then. */
  readonly ExitUnknown: boolean
  readonly Error: string
  /** RFC 3339; year 1 when it has not been. */
  readonly StartedAt: string
  readonly FinishedAt: string
  readonly CgroupPath: string
}

export interface InspectedConfig {
  readonly Hostname: string
  readonly User: string
  readonly Tty: boolean
  readonly OpenStdin: boolean
  readonly AttachStdin: boolean
  readonly Env: readonly string[]
  readonly Cmd: readonly string[]
  readonly Entrypoint: readonly string[]
  readonly Image: string
  readonly WorkingDir: string
  readonly Labels: Readonly<Record<string, string>>
  readonly Annotations: Readonly<Record<string, string>>
  readonly StopSignal: number
  readonly StopTimeout: number
  readonly Umask: string
}

export interface InspectedHostConfig {
  readonly AutoRemove: boolean
  readonly Privileged: boolean
  readonly ReadonlyRootfs: boolean
  readonly Init: boolean
  readonly Memory: number
  readonly MemorySwap: number
  readonly MemoryReservation: number
  readonly NanoCpus: number
  readonly CpuShares: number
  readonly CpuPeriod: number
  readonly CpuQuota: number
  readonly CpusetCpus: string
  readonly CpusetMems: string
  readonly PidsLimit: number
  readonly BlkioWeight: number
  readonly ShmSize: number
  readonly OomScoreAdj: number
  readonly CgroupManager: string
  readonly CgroupParent: string
  readonly CgroupMode: string
  readonly NetworkMode: string
  readonly PidMode: string
  readonly IpcMode: string
  readonly UTSMode: string
  readonly UsernsMode: string
  /** `CONTAINER:HOST:NUMBER`; absent without ids of its own. */
  readonly IDMappings?: { readonly UidMap: readonly string[]; readonly GidMap: readonly string[] }
  readonly CapAdd: readonly string[]
  readonly CapDrop: readonly string[]
  readonly SecurityOpt: readonly string[]
  readonly Binds: readonly string[]
  readonly Tmpfs: Readonly<Record<string, string>>
  readonly Devices: readonly {
    readonly PathOnHost: string
    readonly PathInContainer: string
    readonly CgroupPermissions: string
  }[]
  readonly Ulimits: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[]
  readonly PortBindings: Readonly<Record<string, readonly InspectedPort[]>>
  readonly LogConfig: { readonly Type: string; readonly Path: string; readonly Size: string }
}

export interface InspectedPort {
  readonly HostIp: string
  readonly HostPort: string
}

export interface InspectedNetwork {
  readonly IPAddress: string
  readonly IPPrefixLen: number
  readonly Gateway: string
  readonly GlobalIPv6Address: string
  readonly GlobalIPv6PrefixLen: number
  readonly IPv6Gateway: string
  readonly MacAddress: string
}

export interface Inspection {
  readonly Id: string
  readonly Name: string
  readonly Created: string
  readonly Path: string
  readonly Args: readonly string[]
  readonly State: InspectedState
  readonly Image: string
  readonly ImageDigest: string
  readonly ImageName: string
  readonly Rootfs: string
  readonly OCIConfigPath: string
  readonly OCIRuntime: string
  readonly MountLabel: string
  readonly ResolvConfPath: string
  readonly HostnamePath: string
  readonly HostsPath: string
  readonly Driver: string
  readonly GraphDriver: { readonly Name: string; readonly Data: Readonly<Record<string, string>> }
  readonly Mounts: readonly {
    readonly Type: string
    readonly Name?: string
    readonly Source: string
    readonly Destination: string
    readonly Driver: string
    readonly Mode: string
    readonly Options: readonly string[]
    readonly RW: boolean
    readonly Propagation: string
  }[]
  readonly EffectiveCaps: readonly string[]
  readonly BoundingCaps: readonly string[]
  readonly Config: InspectedConfig
  readonly HostConfig: InspectedHostConfig
  readonly NetworkSettings: InspectedNetwork & {
    readonly SandboxKey: string
    readonly Ports: Readonly<Record<string, readonly InspectedPort[] | null>>
    readonly Networks: Readonly<Record<string, InspectedNetwork>>
  }
}
