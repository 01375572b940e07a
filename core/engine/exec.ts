// exec: another process in a container that runs.

import { enterCgroup } from '../cgroup/join.ts'
import { UserError } from '../errors.ts'
import { close, parseFile, readText, readTextIfThere } from '../files.ts'
import type { Launched, MonitorOptions } from '../kernel.ts'
import { planExec } from '../launch/exec.ts'
import { type LaunchPlan, terminalMaster } from '../launch/plan.ts'
import { moved } from '../lifecycle/table.ts'
import { capabilitiesOf } from '../spec/capabilities.ts'
import { mergeEnv } from '../spec/from-request.ts'
import { cleanPath } from '../spec/mounts.ts'
import type { Process, Spec } from '../spec/types.ts'
import { resolveGroups, resolveUser } from '../spec/user.ts'
import { markOf } from '../store/alive.ts'
import { type ProcessMark, phaseOf, type Stored } from '../store/record.ts'
import { capabilityNamesOf, readCaller } from './caller.ts'
import { launchError } from './failure.ts'
import { passSignal } from './foreground.ts'
import type { Host, Settings } from './host.ts'
import { makePipe } from './launch.ts'
import { withContainer } from './open.ts'
import { readInLayers } from './root-files.ts'
import { filterOf } from './seccomp.ts'
import type { Attachment, ExecRequest, Started, Verbs } from './types.ts'

/**
 * Runs a program in a running container: its namespaces, cgroup, root filesystem and rights. podman-exec(1), setns(2).
 *
 * @errors UserError `cannot execute a process in container web: it is stopped`; 126 or 127 for the program
 */
export async function exec(
  host: Host,
  settings: Settings,
  container: string,
  request: ExecRequest,
  attachment?: Attachment,
): Promise<Started> {
  if (request.command.length === 0) throw new UserError('exec: no command: give one after the container')
  const { record, launched, plan } = await withContainer(host, settings, container, async (stored) => {
    moved(phaseOf(stored.state), 'exec', stored.record.name)
    const plan = await planOf(host, settings, stored, request)
    if (stored.record.scope !== undefined) await (await import('../systemd/scope.ts')).enterUsersManager(host)
    return { record: stored.record, plan, launched: begin(host, stored, plan, request, attachment) }
  })
  // Not under the lock: a container that halts the process must not keep itself from being stopped.
  await follow(plan, launched, request, attachment)
  const started: Started = { id: record.id, name: record.name, pid: launched.pid }
  if (attachment === undefined) {
    launched.close()
    return started
  }
  const mark = markFor(host, launched.pid)
  attachment.started?.({
    ...started,
    signal: (signal) => passSignal(host, mark, signal),
  })
  return { ...started, exitCode: ended(launched) }
}

/** The plan of `exec`: everything is looked up, nothing is run. @errors as `exec` */
export async function dryRunExec(
  host: Host,
  settings: Settings,
  container: string,
  request: ExecRequest,
): Promise<LaunchPlan> {
  return withContainer(host, settings, container, (stored) => {
    moved(phaseOf(stored.state), 'exec', stored.record.name)
    return planOf(host, settings, stored, request)
  })
}

/** Whom signals are passed on to. It runs already: that it cannot be looked up is a warning. */
function markFor(host: Host, pid: number): ProcessMark | undefined {
  try {
    return markOf(host.kernel, pid)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    host.warn(`no signals are passed on: ${error.message}`)
    return undefined
  }
}

async function ended(launched: Launched): Promise<number> {
  const { code } = await launched.exited
  launched.cleaned()
  launched.close()
  return code
}

async function planOf(host: Host, settings: Settings, stored: Stored, request: ExecRequest): Promise<LaunchPlan> {
  const { kernel, environment } = host
  const { pid } = stored.state.process!
  const spec = parseFile<Spec>(readText(kernel, stored.paths.config), stored.paths.config)
  const caller = readCaller(kernel, environment.uid)
  const types = (spec.linux?.namespaces ?? []).map(({ type }) => type)
  const inUserNamespace = types.includes('user')
  // user_namespaces(7)
  const setgroupsDenied = readTextIfThere(kernel, `/proc/${pid}/setgroups`)?.trim() === 'deny'
  const process = processOf(host, stored, spec, request, {
    root: `/proc/${pid}/root`,
    bounding: capabilityNamesOf(
      inUserNamespace ? (1n << BigInt(caller.lastCapability + 1)) - 1n : caller.capabilities.bounding,
      caller.lastCapability,
    ),
  })
  const filter = request.privileged
    ? undefined
    : await filterOf(host, settings, stored.record.request, process.capabilities?.bounding ?? [])
  const { cgroups } = stored.state
  const entry = cgroups ? enterCgroup(cgroups) : undefined
  return planExec(
    process,
    { pid, namespaces: types, ...(inUserNamespace && setgroupsDenied ? { setgroupsDenied } : {}) },
    {
      ...caller,
      sources: {},
      ...(entry === undefined
        ? {}
        : {
            cgroup: { create: entry.open, join: entry.join, ...(entry.into === undefined ? {} : { into: entry.into }) },
          }),
      ...(filter === undefined ? {} : { seccomp: filter.compiled }),
      waitsForStart: request.terminal,
    },
  )
}

/** The container's own process, with what the exec changes. */
function processOf(
  { kernel }: Host,
  { record }: Stored,
  spec: Spec,
  request: ExecRequest,
  where: { readonly root: string; readonly bounding: readonly string[] },
): Process {
  const own = spec.process!
  const read = (name: string) => readInLayers(kernel, [where.root], 'etc', name)
  const group = read('group')
  const user = request.user === undefined ? undefined : resolveUser(request.user, read('passwd'), group)
  const uid = user?.uid ?? own.user.uid
  const added = resolveGroups(record.request.groupAdd, group)
  const gids = user === undefined ? own.user.additionalGids : [...new Set([...user.additionalGids, ...added])]
  const { consoleSize: _, ...kept } = own
  return {
    ...kept,
    terminal: request.terminal,
    args: request.command,
    cwd: cleanPath(request.workingDirectory ?? own.cwd),
    env: mergeEnv(own.env ?? [], user === undefined ? [] : [`HOME=${user.home}`], request.env),
    user: {
      ...own.user,
      uid,
      gid: user?.gid ?? own.user.gid,
      ...(gids === undefined || gids.length === 0 ? { additionalGids: [] } : { additionalGids: gids }),
    },
    capabilities: capabilitiesOf(
      { ...record.request, privileged: record.request.privileged || request.privileged },
      { uid, boundingCapabilities: where.bounding },
    ),
    ...(request.privileged ? { noNewPrivileges: false } : {}),
  }
}

function begin(
  { kernel }: Host,
  { record }: Stored,
  plan: LaunchPlan,
  request: ExecRequest,
  attachment: Attachment | undefined,
): Launched {
  const held = attachment === undefined && request.interactive && !request.terminal ? makePipe(kernel) : undefined
  const stdin = held?.[0] ?? attachment?.stdin
  const options: MonitorOptions = {
    detached: attachment === undefined,
    ...(attachment === undefined ? {} : { forward: { stdout: attachment.stdout, stderr: attachment.stderr } }),
    ...(stdin === undefined ? {} : { stdin }),
    ...(held === undefined ? {} : { keepStdin: held[1] }),
    ...(request.terminal ? { terminal: true } : {}),
    title: `vitrine-monitor ${record.id.slice(0, 12)} exec`,
  }
  try {
    const launched = kernel.launch(plan, options)
    if ('step' in launched) throw launchError(plan, launched)
    return launched
  } finally {
    for (const fd of held ?? []) close(kernel, fd)
  }
}

async function follow(
  plan: LaunchPlan,
  launched: Launched,
  request: ExecRequest,
  attachment: Attachment | undefined,
): Promise<void> {
  try {
    for (;;) {
      const progress = await launched.progress()
      if (progress.state === 'executed') return
      if (progress.state === 'refused') throw launchError(plan, progress.failure)
      if (request.terminal && attachment !== undefined) {
        if (attachment.terminal === undefined) throw new UserError('exec -t: whoever attaches must take the terminal')
        const taken = launched.take(terminalMaster)
        if ('errno' in taken) throw new UserError(`take the terminal: ${taken.errno}`)
        attachment.terminal(taken.value)
      }
      launched.release()
    }
  } catch (error) {
    launched.cleaned()
    launched.close()
    throw error
  }
}

exec satisfies Verbs['exec']
