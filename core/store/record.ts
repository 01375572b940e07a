// A container on disk: the facts that never change (container.json) and the lifecycle's state (state.json).

import type { CgroupPaths } from '../cgroup/paths.ts'
import type { Settings } from '../engine/host.ts'
import { DamagedError } from '../errors.ts'
import { close, O, open, parseFile, readTextIfThere, replaceLocked, writeAll } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import { type Phase, phases } from '../lifecycle/phases.ts'
import { type PersistedLifecycle, snapshotOf } from '../lifecycle/table.ts'
import type { NetworkState } from '../network/state.ts'
import type { ImageConfig } from '../spec/image-config.ts'
import type { ContainerRequest, RequestedResources } from '../spec/request.ts'
import type { LinuxIDMapping } from '../spec/types.ts'
import type { Scope } from '../systemd/unit.ts'
import { type ContainerPaths, containerPaths } from './paths.ts'

export interface ImageFacts {
  readonly id: string
  /** Of its manifest. */
  readonly digest: string
  readonly name: string
  readonly config: ImageConfig
  /** Directories, topmost first. */
  readonly lower: readonly string[]
}

/** Facts that never change. */
export interface ContainerRecord {
  readonly version: 1
  readonly id: string
  readonly name: string
  readonly createdMs: number
  readonly request: ContainerRequest
  readonly image?: ImageFacts
  /** Below every hierarchy. */
  readonly cgroupPath: string
  /** The scope of systemd that the cgroup is; absent: it is made by us. */
  readonly scope?: Scope
  /** The ids of its user namespace, when root of the host has made one for it. */
  readonly mappings?: { readonly uid: readonly LinuxIDMapping[]; readonly gid: readonly LinuxIDMapping[] }
}

/** A process that cannot be mistaken for another that has its pid later: proc_pid_stat(5), field 22. */
export interface ProcessMark {
  readonly pid: number
  readonly startTicks: string
}

export interface Ending {
  /** 0..255, or 128 + signal; 255 when unknown. */
  readonly code: number
  readonly signal: number
  readonly oomKilled: boolean
  readonly atMs: number
  /** The status died with the monitor. */
  readonly unknown?: true
  /** Its start was interrupted: it never became the program. */
  readonly unstarted?: true
}

export interface ContainerState {
  readonly lifecycle: PersistedLifecycle
  readonly bootId?: string
  readonly process?: ProcessMark
  readonly monitor?: ProcessMark
  readonly startedMs?: number
  /** Host's monotonic clock at the start, in decimal. */
  readonly startedNs?: string
  readonly network?: NetworkState
  /** Where its cgroups are while it runs; null when it has none (rootless without a delegated cgroup). */
  readonly cgroups?: CgroupPaths | null
  /** `restart` and `stop` of a container with --rm keep it until they are done. */
  readonly keep?: true
  /** `pause` or `unpause` is at work on it, or was killed over it: then its cgroup tells whether it stands still. */
  readonly freezing?: true
  /** How its last run ended. */
  readonly ending?: Ending
  /** Why its last start failed. */
  readonly failure?: string
  /** All its limits, once `update` has changed some. */
  readonly resources?: RequestedResources
}

export interface Stored {
  readonly record: ContainerRecord
  readonly state: ContainerState
  readonly paths: ContainerPaths
}

export const phaseOf = (state: ContainerState): Phase => state.lifecycle.value

export function newState(phase: Phase, more: Omit<ContainerState, 'lifecycle'> = {}): ContainerState {
  return { lifecycle: snapshotOf(phase), ...more }
}

/** A new file in one go: readers find it only after its directory has a state. */
export function writeNewFile(kernel: Kernel, path: string, content: string, mode = 0o600): void {
  const fd = open(kernel, path, O.WRONLY | O.CREAT | O.TRUNC, mode)
  try {
    writeAll(kernel, fd, content, path)
  } finally {
    close(kernel, fd)
  }
}

export function writeRecord(kernel: Kernel, paths: ContainerPaths, record: ContainerRecord): void {
  writeNewFile(kernel, paths.record, JSON.stringify(record))
}

/** Replaces the state: a reader sees the old or the new one. The container's lock is held. */
export function writeState(kernel: Kernel, paths: ContainerPaths, state: ContainerState): void {
  replaceLocked(kernel, paths.state, JSON.stringify(state))
}

/**
 * A container as it stands on disk; undefined for the half of one whose making was killed.
 *
 * @errors DamagedError
 */
export function readStored(kernel: Kernel, settings: Pick<Settings, 'root'>, id: string): Stored | undefined {
  const paths = containerPaths(settings, id)
  const record = readTextIfThere(kernel, paths.record)
  const state = readTextIfThere(kernel, paths.state)
  if (record === undefined || state === undefined) return undefined
  return { record: recordIn(record, paths, id), state: stateIn(state, paths), paths }
}

function recordIn(text: string, { record: path }: ContainerPaths, id: string): ContainerRecord {
  const record = parseFile<ContainerRecord | null>(text, path)
  if (record?.version !== 1 || record.id !== id || typeof record.name !== 'string' || !record.request)
    throw new DamagedError(path, 'these are not the facts of a container, version 1')
  return record
}

function stateIn(text: string, { state: path }: ContainerPaths): ContainerState {
  const state = parseFile<ContainerState | null>(text, path)
  if (state === null || !phases.includes(state.lifecycle?.value))
    throw new DamagedError(path, 'this is not the state of a container')
  return state
}

/** What can still be understood of a container with a damaged file. */
export function readRemains(kernel: Kernel, paths: ContainerPaths, id: string): Partial<Stored> {
  const read = <T>(path: string, understand: (text: string) => T): T | undefined => {
    try {
      return understand(readTextIfThere(kernel, path) ?? '')
    } catch (error) {
      if (error instanceof DamagedError) return undefined
      throw error
    }
  }
  const record = read(paths.record, (text) => recordIn(text, paths, id))
  const state = read(paths.state, (text) => stateIn(text, paths))
  return { ...(record && { record }), ...(state && { state }) }
}

/**
 * What the monitor wrote at the end: `CODE SIGNAL SECONDS NANOSECONDS OOMKILLED [UNSTARTED]`; undefined when there is none, or what a
 * power cut has left of one: then the end is not known, and the container must be removable all the same.
 */
export function readEnding(kernel: Kernel, paths: ContainerPaths): Ending | undefined {
  const text = readTextIfThere(kernel, paths.exit)
  if (text === undefined) return undefined
  const [code, signal, seconds, nanoseconds, oom, unstarted] = text.trim().split(' ').map(Number)
  if (oom === undefined || [code, signal, seconds, nanoseconds].some(Number.isNaN)) return undefined
  return {
    code: code!,
    signal: signal!,
    oomKilled: oom === 1,
    ...(unstarted === 1 ? { unstarted: true as const } : {}),
    atMs: seconds! * 1000 + Math.floor(nanoseconds! / 1e6),
  }
}
