// A container of the OCI runtime on disk: what never changes (container.json), and what its state is (state.json).

import type { CgroupPaths } from '../cgroup/paths.ts'
import type { Host } from '../engine/host.ts'
import { DamagedError, UserError } from '../errors.ts'
import { AT_FDCWD, list, makeDirectories, must, parseFile, readTextIfThere, replaceLocked, stat } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import { type Phase, phaseSentences, phases } from '../lifecycle/phases.ts'
import { moved, type PersistedLifecycle, snapshotOf } from '../lifecycle/table.ts'
import type { Spec } from '../spec/types.ts'
import { bootId, isAlive, markOf } from '../store/alive.ts'
import { type Lock, lockDirectory, lockNewDirectory } from '../store/lock.ts'
import { type ProcessMark, writeNewFile } from '../store/record.ts'

/** Where the containers of one `--root` are. */
export interface OciSettings {
  readonly root: string
}

/** Facts that never change. */
export interface OciRecord {
  readonly version: 1
  readonly id: string
  readonly bundle: string
  readonly createdMs: number
  /** Name of whoever made it, as `list` shows. */
  readonly owner: string
  readonly spec: Spec
  /** null: the container has no cgroup of its own. */
  readonly cgroups: CgroupPaths | null
  /** The scope of systemd that the cgroup is; absent: it was made by us. */
  readonly unit?: string
}

export interface OciState {
  /** `starting` is what OCI calls created: the process is there and waits. */
  readonly lifecycle: PersistedLifecycle
  readonly process: ProcessMark
  readonly bootId: string
  /** It was paused before it was started: `resume` makes it created again. */
  readonly waits?: true
}

/** runtime.md, "State", and `paused`, which every runtime adds. */
export type OciStatus = 'creating' | 'created' | 'running' | 'paused' | 'stopped'

export interface OciContainer {
  readonly record: OciRecord
  /** Absent: it is being created, or whoever created it was killed. */
  readonly state?: OciState
  readonly directory: string
}

const idBytesMax = 1024

/**
 * An id is the name of a directory and of cgroups.
 *
 * @errors UserError for one that is empty, too long, or has characters beyond letters, digits and `_+-.`
 */
export function checkId(id: string): string {
  if (id === '') throw new UserError('the container id is empty: give one')
  if (id.length > idBytesMax || !/^[\w+.-]+$/.test(id) || id === '.' || id === '..')
    throw new UserError(`container id "${id}": must be letters, digits and _+-. only`)
  return id
}

const directoryOf = ({ root }: OciSettings, id: string) => `${root}/${checkId(id)}`

export function noSuchContainer(id: string): UserError {
  return new UserError(`container "${id}" does not exist`)
}

/**
 * Claims the id: makes its directory, which nobody else can make, and locks it.
 *
 * @errors UserError when there is such a container
 */
export function claim(kernel: Kernel, settings: OciSettings, id: string): { directory: string; lock: Lock } {
  const directory = directoryOf(settings, id)
  makeDirectories(kernel, settings.root, 0o700)
  const made = kernel.call({ name: 'mkdirat', dirfd: AT_FDCWD, pathname: directory, mode: 0o700 })
  if (refused(made) && made.errno === 'EEXIST') throw new UserError(`container with id ${id} exists already`)
  must(made, `make ${directory}`)
  const lock = lockNewDirectory(kernel, directory)
  if (lock === undefined) throw new UserError(`container ${id} was deleted while it was being created`)
  return { directory, lock }
}

export function writeRecord(kernel: Kernel, directory: string, record: OciRecord): void {
  writeNewFile(kernel, `${directory}/container.json`, JSON.stringify(record))
}

/** Replaces the state: a reader sees the old or the new one. The container's lock is held. */
export function writeState(
  kernel: Kernel,
  directory: string,
  phase: Phase,
  process: ProcessMark,
  waits = false,
): OciState {
  const state: OciState = { lifecycle: snapshotOf(phase), process, bootId: bootId(kernel), ...(waits && { waits }) }
  replaceLocked(kernel, `${directory}/state.json`, JSON.stringify(state))
  return state
}

/** Marks the process of a container that was just made. @errors UserError when it is gone already */
export function markMade(kernel: Kernel, pid: number): ProcessMark {
  const mark = markOf(kernel, pid)
  if (mark === undefined) throw new UserError(`process ${pid} of the container has ended before its program began`)
  return mark
}

function readContainer(kernel: Kernel, directory: string, id: string): OciContainer | undefined {
  const path = `${directory}/container.json`
  const text = readTextIfThere(kernel, path)
  if (text === undefined) return undefined
  const record = parseFile<OciRecord | null>(text, path)
  if (record?.version !== 1 || record.id !== id) throw new DamagedError(path, 'these are not the facts of a container')
  const statePath = `${directory}/state.json`
  const stateText = readTextIfThere(kernel, statePath)
  if (stateText === undefined) return { record, directory }
  const state = parseFile<OciState | null>(stateText, statePath)
  if (state === null || !phases.includes(state.lifecycle?.value))
    throw new DamagedError(statePath, 'this is not the state of a container')
  return { record, state, directory }
}

/** A container as it stands. @errors UserError when there is none */
export function find(kernel: Kernel, settings: OciSettings, id: string): OciContainer {
  const directory = directoryOf(settings, id)
  if (stat(kernel, directory) === undefined) throw noSuchContainer(id)
  const found = readContainer(kernel, directory, id)
  if (found === undefined)
    throw new UserError(`container ${id} is being created, or its creation was interrupted: delete it`)
  return found
}

/** All that are whole, by id. */
export function findAll(kernel: Kernel, settings: OciSettings): OciContainer[] {
  return list(kernel, settings.root).flatMap((id) => readContainer(kernel, `${settings.root}/${id}`, id) ?? [])
}

/** Does something with a container that nobody else changes meanwhile. @errors UserError when there is none */
export async function withLock<T>(
  { kernel }: Pick<Host, 'kernel'>,
  settings: OciSettings,
  id: string,
  act: (directory: string) => T | Promise<T>,
): Promise<T> {
  const directory = directoryOf(settings, id)
  const lock = await lockDirectory(kernel, directory)
  if (lock === undefined) throw noSuchContainer(id)
  try {
    return await act(directory)
  } finally {
    lock.release()
  }
}

/** Whether its process is there: the very one, on this boot. */
export function isRunning(kernel: Kernel, { state }: OciContainer): boolean {
  return state !== undefined && isAlive(kernel, state.process) && state.bootId === bootId(kernel)
}

/** The phase of the lifecycle, by what the kernel says of the process. */
export function phaseOf(kernel: Kernel, container: OciContainer): Phase {
  if (container.state === undefined) return 'creating'
  return isRunning(kernel, container) ? container.state.lifecycle.value : 'stopped'
}

/**
 * Refuses what cannot be done to a container now. One that was created has all but its program: as with runc, processes can be
 * executed in it, its limits changed, and it can be paused.
 *
 * @errors UserError `cannot pause container web: it is stopped`
 */
export function checkMove(phase: Phase, move: 'exec' | 'update' | 'pause', id: string): void {
  if (phase === 'starting') return
  const to = moved(phase, move, id)
  if (to === 'stopped') throw new UserError(`cannot ${move} container ${id}: ${phaseSentences.stopped}`)
}

export function statusOf(kernel: Kernel, container: OciContainer): OciStatus {
  const phase = phaseOf(kernel, container)
  return phase === 'starting' ? 'created' : (phase as OciStatus)
}
