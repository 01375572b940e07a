// exec: another process in a container that runs. Its namespaces, cgroup, root filesystem; rights as the process says.

import { enterCgroup } from '../cgroup/join.ts'
import { cgroupsBelow, directoriesOf } from '../cgroup/paths.ts'
import { readCaller } from '../engine/caller.ts'
import { launchError } from '../engine/failure.ts'
import type { Host } from '../engine/host.ts'
import { UserError } from '../errors.ts'
import { readTextIfThere, stat, writeAtomically } from '../files.ts'
import type { Launched } from '../kernel.ts'
import { planExec } from '../launch/exec.ts'
import { type LaunchPlan, listenerWait } from '../launch/plan.ts'
import { selinuxFile } from '../launch/selinux.ts'
import type { Process } from '../spec/types.ts'
import { handOverTerminal, takeTerminal } from './console.ts'
import { handOverListener } from './listener.ts'
import { filterOf } from './prepare.ts'
import { checkMove, find, type OciContainer, type OciSettings, phaseOf, statusOf, withLock } from './record.ts'
import { enterResctrl, findResctrl, groupsOf } from './resctrl.ts'
import { documentOf } from './state.ts'

export interface ExecOptions {
  readonly consoleSocket?: string
  /** Gets the master in the caller itself, where there is no such socket; it is the callee's then. */
  readonly terminal?: (master: number) => void
  readonly pidFile?: string
  readonly preserveFds: number
  /** Also where all stands still: then the process does too, until the container goes on. */
  readonly ignoresPause: boolean
  /** `[CONTROLLER,...:]PATH`: cgroups below those of the container that are there already. */
  readonly cgroups: readonly string[]
  readonly detach: boolean
}

/**
 * @param process - what to run, from the container's own process
 * @returns the running process; the caller waits for it, unless it is detached
 * @errors UserError `cannot execute a process in container web: it is stopped`; 126 or 127 for the program
 */
export async function exec(
  host: Host,
  settings: OciSettings,
  id: string,
  processOf: (container: OciContainer) => Process,
  options: ExecOptions,
): Promise<Launched> {
  const { kernel } = host
  const { launched, plan, container } = await withLock(host, settings, id, async (_directory) => {
    const container = find(kernel, settings, id)
    const phase = phaseOf(kernel, container)
    if (phase !== 'paused' || !options.ignoresPause) checkMove(phase, 'exec', id)
    const plan = await planOf(host, container, processOf(container), options)
    if (container.record.unit !== undefined) await (await import('../systemd/scope.ts')).enterUsersManager(host)
    const given = { detached: false, inherit: { preserveFds: options.preserveFds }, title: `vitrine-oci exec ${id}` }
    const launched = kernel.launch(plan, given)
    if ('step' in launched) throw launchError(plan, launched)
    return { launched, plan, container }
  })
  try {
    await follow(host, launched, plan, container, options)
    if (options.detach) launched.park()
    return launched
  } catch (error) {
    launched.close()
    throw error
  }
}

async function follow(
  { kernel }: Host,
  launched: Launched,
  plan: LaunchPlan,
  container: OciContainer,
  options: ExecOptions,
): Promise<void> {
  for (;;) {
    const progress = await launched.progress()
    if (progress.state === 'executed') return
    if (progress.state === 'refused') throw launchError(plan, progress.failure)
    if (progress.at === listenerWait) {
      const state = documentOf(container, statusOf(kernel, container), container.state?.process.pid)
      handOverListener(kernel, { pid: launched.pid, seccomp: container.record.spec.linux?.seccomp, state })
      launched.release()
      continue
    }
    const { id, spec } = container.record
    const intelRdt = spec.linux?.intelRdt
    if (intelRdt) {
      const resctrl = findResctrl(kernel)
      enterResctrl(kernel, resctrl, groupsOf(resctrl, intelRdt, id), launched.pid)
    }
    if (options.consoleSocket !== undefined) handOverTerminal(kernel, launched, options.consoleSocket)
    else options.terminal?.(takeTerminal(launched))
    if (options.pidFile !== undefined) writeAtomically(kernel, options.pidFile, String(launched.pid), 0o644)
    launched.release()
  }
}

async function planOf(
  host: Host,
  container: OciContainer,
  process: Process,
  options: ExecOptions,
): Promise<LaunchPlan> {
  const { kernel, environment } = host
  const { record, state } = container
  if (process.terminal && options.consoleSocket === undefined && options.terminal === undefined)
    throw new UserError('process.terminal: a terminal needs --console-socket, where it is handed over')
  const { pid } = state!.process
  const namespaces = (record.spec.linux?.namespaces ?? []).map(({ type }) => type)
  const setgroupsDenied =
    namespaces.includes('user') && readTextIfThere(kernel, `/proc/${pid}/setgroups`)?.trim() === 'deny'
  const cgroups = record.cgroups === null ? undefined : cgroupsBelow(record.cgroups, options.cgroups)
  const missing = cgroups && directoriesOf(cgroups).find((directory) => stat(kernel, directory) === undefined)
  if (missing !== undefined && options.cgroups.length > 0)
    throw new UserError(`--cgroup=${options.cgroups.join(' --cgroup=')}: there is no cgroup ${missing}; make it first`)
  const entry = cgroups && enterCgroup(cgroups)
  const seccomp = await filterOf(host, record.spec.linux?.seccomp)
  const { memoryPolicy } = record.spec.linux ?? {}
  return planExec(
    process,
    { pid, namespaces, ...(setgroupsDenied && { setgroupsDenied }), ...(memoryPolicy && { memoryPolicy }) },
    {
      ...readCaller(kernel, environment.uid),
      sources: {},
      ...(entry && { cgroup: { create: entry.open, join: entry.join, ...(entry.into && { into: entry.into }) } }),
      ...(seccomp && { seccomp }),
      ...(process.oomScoreAdj === undefined
        ? {}
        : { oomScoreAdj: Number(readTextIfThere(kernel, '/proc/self/oom_score_adj') ?? 0) }),
      preserveFds: options.preserveFds,
      selinux: stat(kernel, selinuxFile) !== undefined,
      waitsForStart: true,
    },
  )
}
