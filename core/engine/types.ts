// The engine's verbs as types: what each takes and answers, plain data that views print. One verb, one file of this folder.

import type { LaunchPlan } from '../launch/plan.ts'
import type { ContainerRequest, PortMapping, RequestedResources } from '../spec/request.ts'
import type { Host, Settings } from './host.ts'
import type { Inspection } from './inspection.ts'

/** A process that the engine has started, for whoever is attached to it. */
export interface StartedProcess {
  /** The container's. */
  readonly id: string
  readonly name: string
  readonly pid: number
  /** Sends a signal to it; one that is gone takes none, and that is no error. */
  readonly signal: (signal: number) => void
}

/**
 * The caller's ends of a process in the foreground. Descriptors are the caller's own; they stay open and are the caller's
 * to close.
 */
export interface Attachment {
  /** Read end of a pipe that the caller feeds (never its own standard input); absent means /dev/null. */
  readonly stdin?: number
  readonly stdout: number
  readonly stderr: number
  /** With a terminal: called once with the master's descriptor, before the program runs. The callee owns it then. */
  readonly terminal?: (master: number) => void
  /** Called once the program runs. */
  readonly started?: (process: StartedProcess) => void
}

export interface Created {
  readonly id: string
  readonly name: string
}

export interface Started extends Created {
  readonly pid: number
  /**
   * Only of an attached one: settles when it has ended and has been cleaned up after (with --rm: removed).
   * 0..255, or 128 + signal; 255 when the status died with the monitor.
   */
  readonly exitCode?: Promise<number>
}

/** OCI's words and podman's: `exited` is a container that ran, `created` one that never did. */
export type Status = 'creating' | 'created' | 'running' | 'paused' | 'stopping' | 'exited' | 'unknown'

/** One line of `ps`. */
export interface ContainerRow {
  readonly id: string
  readonly name: string
  /** The reference that was asked for, or the directory of `--rootfs`. */
  readonly image: string
  readonly imageId: string
  readonly command: readonly string[]
  readonly status: Status
  /** 0 when it does not run. */
  readonly pid: number
  readonly exitCode: number
  readonly oomKilled: boolean
  readonly createdMs: number
  readonly startedMs?: number
  readonly exitedMs?: number
  /** With the ports that the host has chosen. */
  readonly ports: readonly PortMapping[]
  readonly network: string
  readonly labels: Readonly<Record<string, string>>
  /** Destinations. */
  readonly mounts: readonly string[]
  /** Names of volumes and paths of the host that are mounted. */
  readonly volumes: readonly string[]
  readonly remove: boolean
}

/** podman ps(1) `--filter`: values of one key are alternatives, keys must all hold. */
export type FilterKey =
  | 'id'
  | 'name'
  | 'status'
  | 'label'
  | 'ancestor'
  | 'exited'
  | 'before'
  | 'since'
  | 'volume'
  | 'network'
export type Filters = Partial<Readonly<Record<FilterKey, readonly string[]>>>

export interface ListOptions {
  /** Also those that do not run. */
  readonly all: boolean
  readonly filters: Filters
}

export interface LogOptions {
  readonly follow: boolean
  /** Only so many lines from the end. */
  readonly tail?: number
  readonly sinceMs?: number
  readonly untilMs?: number
}

export interface LogLine {
  /** RFC 3339 with nanoseconds, as the monitor wrote it. */
  readonly time: string
  readonly stream: 'stdout' | 'stderr'
  /** The program's text; ends with a newline unless the line goes on in the next record. */
  readonly text: Uint8Array
}

export interface Table {
  readonly titles: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Sums since the container's start; a rate is the difference of two samples. */
export interface StatsSample {
  readonly id: string
  readonly name: string
  /** Nanoseconds of the host's monotonic clock when it was taken, and since the container's start. */
  readonly atNs: bigint
  readonly runningNs: bigint
  readonly cpuUsec: number
  readonly memoryBytes: number
  /** The limit, or the host's memory when there is none. */
  readonly memoryLimitBytes: number
  readonly pids: number
  /** Absent: none. */
  readonly pidsLimit?: number
  readonly blockReadBytes: number
  readonly blockWriteBytes: number
  readonly networkReceiveBytes: number
  readonly networkSendBytes: number
}

export interface StopOptions {
  /** Absent means the container's own `--stop-timeout`. 0 kills at once. */
  readonly timeoutSeconds?: number
}

export interface RemoveOptions {
  /** Kills one that runs; one that is not there is no error. */
  readonly force: boolean
  /** Also its anonymous volumes, those that no other container has. */
  readonly volumes: boolean
  /** Seconds to wait between the stop signal and SIGKILL with `force`; absent means the container's own. */
  readonly timeoutSeconds?: number
}

export interface ExecRequest {
  readonly command: readonly string[]
  /** Added to the container's. */
  readonly env: readonly string[]
  readonly workingDirectory?: string
  readonly user?: string
  readonly privileged: boolean
  readonly interactive: boolean
  readonly terminal: boolean
  readonly detach: boolean
}

/** podman wait(1) `--condition`. */
export type WaitCondition = 'stopped' | 'exited' | 'running' | 'paused' | 'created'

export interface Info {
  readonly kernel: string
  readonly kernelVersion: string
  readonly hostname: string
  readonly architecture: string
  readonly cpus: number
  readonly memoryTotalBytes: number
  readonly memoryFreeBytes: number
  readonly cgroupMode: 'v2' | 'v1' | 'hybrid'
  /** Who makes the cgroups of new containers. */
  readonly cgroupManager: 'cgroupfs' | 'systemd'
  /** Controller to where it lives: the v1 mount point, or the cgroup2 mount point. */
  readonly cgroupControllers: Readonly<Record<string, string>>
  readonly rootless: boolean
  readonly root: string
  readonly runroot: string
  readonly containers: Readonly<Record<'total' | 'running' | 'paused' | 'stopped', number>>
  readonly images: number
}

/**
 * Every verb. Each is exported under its name from the module that the comment names; modules are loaded when needed.
 * All throw UserError: `no container with name or ID "web": no such container`, `cannot start container web: it is running`.
 * `container` is a name, an id or an unambiguous prefix of an id.
 */
export interface Verbs {
  /** create.ts. Makes a container and leaves it as `created`. */
  readonly create: (host: Host, settings: Settings, request: ContainerRequest) => Promise<Created>
  /** run.ts. Creates and starts in one pass; without an attachment it is detached. */
  readonly run: (host: Host, settings: Settings, request: ContainerRequest, attachment?: Attachment) => Promise<Started>
  /** run.ts. What `run` would do, `--dry-run`: nothing is made. */
  readonly dryRun: (host: Host, settings: Settings, request: ContainerRequest) => Promise<LaunchPlan>
  /** start.ts. With an attachment, `exitCode` settles at the end. */
  readonly start: (host: Host, settings: Settings, container: string, attachment?: Attachment) => Promise<Started>
  /** stop.ts. Stop signal, then SIGKILL. One that does not run is no error. */
  readonly stop: (host: Host, settings: Settings, container: string, options: StopOptions) => Promise<Created>
  /** stop.ts. */
  readonly restart: (host: Host, settings: Settings, container: string, options: StopOptions) => Promise<Created>
  /** kill.ts. */
  readonly kill: (host: Host, settings: Settings, container: string, signal: number) => Promise<Created>
  /** pause.ts. */
  readonly pause: (host: Host, settings: Settings, container: string) => Promise<Created>
  /** pause.ts. */
  readonly unpause: (host: Host, settings: Settings, container: string) => Promise<Created>
  /** wait.ts. The exit code; -1 for the conditions that are no ends. Default: stopped. */
  readonly wait: (
    host: Host,
    settings: Settings,
    container: string,
    conditions?: readonly WaitCondition[],
  ) => Promise<number>
  /** remove.ts. Answers undefined when there is none and `force` is given. */
  readonly remove: (
    host: Host,
    settings: Settings,
    container: string,
    options: RemoveOptions,
  ) => Promise<Created | undefined>
  /** list.ts. Newest first. */
  readonly list: (host: Host, settings: Settings, options: ListOptions) => Promise<readonly ContainerRow[]>
  /** inspect.ts. */
  readonly inspect: (host: Host, settings: Settings, container: string) => Promise<Inspection>
  /** logs.ts. */
  readonly logs: (host: Host, settings: Settings, container: string, options: LogOptions) => AsyncIterable<LogLine>
  /** top.ts. Columns as ps(1) names them; podman's default ones when none are given. */
  readonly top: (host: Host, settings: Settings, container: string, columns: readonly string[]) => Promise<Table>
  /** stats.ts. One sample of one running container. */
  readonly stats: (host: Host, settings: Settings, container: string) => Promise<StatsSample>
  /** update.ts. */
  readonly update: (
    host: Host,
    settings: Settings,
    container: string,
    resources: RequestedResources,
  ) => Promise<Created>
  /** exec.ts. Without an attachment it is detached. */
  readonly exec: (
    host: Host,
    settings: Settings,
    container: string,
    request: ExecRequest,
    attachment?: Attachment,
  ) => Promise<Started>
  /** cleanup.ts. What the monitor calls after the exit: network, cgroups, record; removes with --rm. Idempotent. */
  readonly cleanup: (host: Host, settings: Settings, container: string) => Promise<void>
  /** info.ts. */
  readonly info: (host: Host, settings: Settings) => Promise<Info>
}
