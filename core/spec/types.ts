// The OCI runtime specification 1.2 for Linux as types: config.json, field names exactly as in the JSON.

/** config.json: everything that a runtime needs to make a container. OCI runtime spec, config.md. */
export interface Spec {
  readonly ociVersion: string
  readonly process?: Process
  readonly root?: Root
  readonly hostname?: string
  readonly domainname?: string
  readonly mounts?: readonly Mount[]
  readonly hooks?: Hooks
  readonly annotations?: Readonly<Record<string, string>>
  readonly linux?: Linux
}

/** The container's program and what it may do. config.md, "Process". */
export interface Process {
  readonly terminal?: boolean
  readonly consoleSize?: { readonly height: number; readonly width: number }
  readonly user: User
  readonly args?: readonly string[]
  /** `NAME=value`, as execve(2) takes it. */
  readonly env?: readonly string[]
  readonly cwd: string
  readonly capabilities?: LinuxCapabilities
  readonly rlimits?: readonly POSIXRlimit[]
  readonly noNewPrivileges?: boolean
  readonly apparmorProfile?: string
  /** -1000 to 1000; absent means unchanged. */
  readonly oomScoreAdj?: number
  readonly scheduler?: Scheduler
  readonly selinuxLabel?: string
  readonly ioPriority?: LinuxIOPriority
  readonly execCPUAffinity?: { readonly initial?: string; readonly final?: string }
}

export interface User {
  readonly uid: number
  readonly gid: number
  /** A mode such as 0o022, as a number. */
  readonly umask?: number
  readonly additionalGids?: readonly number[]
}

/** The five sets of capabilities(7); names such as `CAP_NET_RAW`. */
export interface LinuxCapabilities {
  readonly bounding?: readonly string[]
  readonly effective?: readonly string[]
  readonly inheritable?: readonly string[]
  readonly permitted?: readonly string[]
  readonly ambient?: readonly string[]
}

/**
 * getrlimit(2). Numbers above 2^53 lose digits in JavaScript; RLIM_INFINITY (2^64 - 1) is read as 2^64 and every number
 * from there on means "no limit".
 */
export interface POSIXRlimit {
  /** `RLIMIT_NOFILE` and the like. */
  readonly type: string
  readonly soft: number
  readonly hard: number
}

/** sched_setattr(2). */
export interface Scheduler {
  readonly policy: string
  readonly nice?: number
  readonly priority?: number
  readonly flags?: readonly string[]
  readonly runtime?: number
  readonly deadline?: number
  readonly period?: number
}

/** ioprio_set(2). */
export interface LinuxIOPriority {
  readonly class: string
  readonly priority?: number
}

export interface Root {
  /** Absolute, or relative to the bundle. */
  readonly path: string
  readonly readonly?: boolean
}

/** config.md, "Mounts": mounted in the order of the list. */
export interface Mount {
  readonly destination: string
  readonly type?: string
  readonly source?: string
  readonly options?: readonly string[]
  readonly uidMappings?: readonly LinuxIDMapping[]
  readonly gidMappings?: readonly LinuxIDMapping[]
}

export interface Hook {
  readonly path: string
  readonly args?: readonly string[]
  readonly env?: readonly string[]
  /** Seconds. */
  readonly timeout?: number
}

/** config.md, "POSIX-platform Hooks". */
export interface Hooks {
  readonly prestart?: readonly Hook[]
  readonly createRuntime?: readonly Hook[]
  readonly createContainer?: readonly Hook[]
  readonly startContainer?: readonly Hook[]
  readonly poststart?: readonly Hook[]
  readonly poststop?: readonly Hook[]
}

/** config-linux.md. */
export interface Linux {
  readonly devices?: readonly LinuxDevice[]
  readonly netDevices?: Readonly<Record<string, { readonly name?: string }>>
  readonly uidMappings?: readonly LinuxIDMapping[]
  readonly gidMappings?: readonly LinuxIDMapping[]
  /** Keys are /proc/sys paths with dots: `net.ipv4.ip_forward`. */
  readonly sysctl?: Readonly<Record<string, string>>
  readonly cgroupsPath?: string
  readonly resources?: LinuxResources
  readonly rootfsPropagation?: string
  readonly seccomp?: LinuxSeccomp
  readonly namespaces?: readonly LinuxNamespace[]
  readonly maskedPaths?: readonly string[]
  readonly readonlyPaths?: readonly string[]
  readonly mountLabel?: string
  readonly intelRdt?: LinuxIntelRdt
  readonly memoryPolicy?: LinuxMemoryPolicy
  readonly personality?: { readonly domain: string; readonly flags?: readonly string[] }
  /** Keys are clock names: `monotonic`, `boottime`. */
  readonly timeOffsets?: Readonly<Record<string, LinuxTimeOffset>>
}

export type LinuxNamespaceType = 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup' | 'time'

/** A namespace that is new, or with a path the one to join. */
export interface LinuxNamespace {
  readonly type: LinuxNamespaceType
  readonly path?: string
}

export interface LinuxIDMapping {
  readonly containerID: number
  readonly hostID: number
  readonly size: number
}

/** A device node to make. */
export interface LinuxDevice {
  readonly path: string
  /** c and u are character devices, b a block device, p a FIFO. */
  readonly type: 'c' | 'u' | 'b' | 'p'
  readonly major?: number
  readonly minor?: number
  readonly fileMode?: number
  readonly uid?: number
  readonly gid?: number
}

/** A rule of the devices controller. */
export interface LinuxDeviceCgroup {
  readonly allow: boolean
  /** a is all. */
  readonly type?: 'a' | 'c' | 'b'
  /** Absent or -1 means every number. */
  readonly major?: number
  readonly minor?: number
  /** Letters of `rwm`. */
  readonly access?: string
}

/** config-linux.md, "Control groups". */
export interface LinuxResources {
  readonly devices?: readonly LinuxDeviceCgroup[]
  readonly memory?: LinuxMemory
  readonly cpu?: LinuxCPU
  readonly pids?: LinuxPids
  readonly blockIO?: LinuxBlockIO
  readonly hugepageLimits?: readonly LinuxHugepageLimit[]
  readonly network?: LinuxNetwork
  readonly rdma?: Readonly<Record<string, LinuxRdma>>
  /** File names of cgroup v2 and what to write there. */
  readonly unified?: Readonly<Record<string, string>>
}

/** Limits in bytes; -1 is unlimited. */
export interface LinuxMemory {
  readonly limit?: number
  readonly reservation?: number
  /** Memory and swap together. */
  readonly swap?: number
  readonly kernel?: number
  readonly kernelTCP?: number
  /** 0 to 100. */
  readonly swappiness?: number
  readonly disableOOMKiller?: boolean
  readonly useHierarchy?: boolean
  readonly checkBeforeUpdate?: boolean
}

/** Times in microseconds; a quota of -1 is unlimited. */
export interface LinuxCPU {
  readonly shares?: number
  readonly quota?: number
  readonly burst?: number
  readonly period?: number
  readonly realtimeRuntime?: number
  readonly realtimePeriod?: number
  readonly cpus?: string
  readonly mems?: string
  readonly idle?: number
}

export interface LinuxPids {
  /** 0 or less is unlimited; absent leaves it as it is. */
  readonly limit?: number
}

export interface LinuxBlockIO {
  readonly weight?: number
  readonly leafWeight?: number
  readonly weightDevice?: readonly LinuxWeightDevice[]
  readonly throttleReadBpsDevice?: readonly LinuxThrottleDevice[]
  readonly throttleWriteBpsDevice?: readonly LinuxThrottleDevice[]
  readonly throttleReadIOPSDevice?: readonly LinuxThrottleDevice[]
  readonly throttleWriteIOPSDevice?: readonly LinuxThrottleDevice[]
}

export interface LinuxWeightDevice {
  readonly major: number
  readonly minor: number
  readonly weight?: number
  readonly leafWeight?: number
}

/** Rate is bytes or operations per second. */
export interface LinuxThrottleDevice {
  readonly major: number
  readonly minor: number
  readonly rate: number
}

export interface LinuxHugepageLimit {
  /** `2MB`, `1GB`. */
  readonly pageSize: string
  /** Bytes. */
  readonly limit: number
}

export interface LinuxNetwork {
  readonly classID?: number
  readonly priorities?: readonly { readonly name: string; readonly priority: number }[]
}

export interface LinuxRdma {
  readonly hcaHandles?: number
  readonly hcaObjects?: number
}

/** config-linux.md, "Seccomp"; seccomp(2). */
export interface LinuxSeccomp {
  readonly defaultAction: string
  readonly defaultErrnoRet?: number
  readonly architectures?: readonly string[]
  readonly flags?: readonly string[]
  readonly listenerPath?: string
  readonly listenerMetadata?: string
  readonly syscalls?: readonly LinuxSyscall[]
}

export interface LinuxSyscall {
  readonly names: readonly string[]
  readonly action: string
  readonly errnoRet?: number
  readonly args?: readonly LinuxSeccompArg[]
}

export interface LinuxSeccompArg {
  readonly index: number
  readonly value: number
  readonly valueTwo?: number
  /** `SCMP_CMP_EQ` and the like. */
  readonly op: string
}

export interface LinuxIntelRdt {
  readonly closID?: string
  readonly schemata?: readonly string[]
  readonly l3CacheSchema?: string
  readonly memBwSchema?: string
  readonly enableCMT?: boolean
  readonly enableMBM?: boolean
  readonly enableMonitoring?: boolean
}

/** set_mempolicy(2). */
export interface LinuxMemoryPolicy {
  readonly mode: string
  /** A list such as `0-3,7`. */
  readonly nodes?: string
  readonly flags?: readonly string[]
}

export interface LinuxTimeOffset {
  readonly secs?: number
  readonly nanosecs?: number
}
