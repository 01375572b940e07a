// From a bundle to the plan of its container: what must be known of the host is looked up here, and nothing is made.

import { detectCgroups, mayMakeCgroups, ownCgroups } from '../cgroup/detect.ts'
import { callersPaths } from '../cgroup/paths.ts'
import { type CgroupPlan, planCgroup } from '../cgroup/plan.ts'
import { isInUserNamespace, readCaller } from '../engine/caller.ts'
import { sourceKinds } from '../engine/devices.ts'
import type { Host } from '../engine/host.ts'
import type { IdMappings } from '../engine/rootless.ts'
import { UserError } from '../errors.ts'
import { readTextIfThere, stat } from '../files.ts'
import { planContainer } from '../launch/container.ts'
import { cgroupView, type LaunchFacts } from '../launch/facts.ts'
import type { LaunchPlan } from '../launch/plan.ts'
import type { MachineArchitecture } from '../launch/seccomp/architectures.ts'
import type { CompiledSeccomp } from '../launch/seccomp/compile.ts'
import { selinuxFile } from '../launch/selinux.ts'
import type { LinuxSeccomp, Spec } from '../spec/types.ts'
import { type Bundle, boundSource } from './bundle.ts'
import { copiedMounts } from './copy.ts'
import { checkNetworkDevices, takesNetworkDevices } from './network-devices.ts'
import { checkResctrl, findResctrl } from './resctrl.ts'

/** How the caller wants a container to be made. */
export interface CreateOptions {
  /** Another name for config.json. */
  readonly config?: string
  /** The unix socket on which the master of the terminal is handed over. */
  readonly consoleSocket?: string
  /** Gets the master in the caller itself, where there is no such socket; it is the callee's then. */
  readonly terminal?: (master: number) => void
  /** Where the process's pid is written. */
  readonly pidFile?: string
  readonly preserveFds: number
  /** The program stays in the caller's session keyring. */
  readonly keepsKeyring?: boolean
  /** The cgroup is made by systemd, as a scope. */
  readonly systemdCgroup?: boolean
}

export interface PreparedContainer {
  readonly spec: Spec
  readonly plan: LaunchPlan
  readonly cgroup?: CgroupPlan
  readonly mappings?: IdMappings
  /** Where resctrl is mounted, when the container has shares of it. */
  readonly resctrl?: string
}

/** The compiled filter of a profile; undefined for none. */
export async function filterOf(
  { environment }: Pick<Host, 'environment'>,
  profile: LinuxSeccomp | undefined,
): Promise<CompiledSeccomp | undefined> {
  if (profile === undefined) return undefined
  const machine: MachineArchitecture = environment.architecture === 'arm64' ? 'aarch64' : 'x86_64'
  const { compileSeccomp } = await import('../launch/seccomp/compile.ts')
  return compileSeccomp(profile, machine, true)
}

/** Where the container's cgroup is below every hierarchy. A path that is not absolute lies where the runtime likes. */
export function cgroupPathOf(spec: Spec, id: string): string {
  const given = spec.linux?.cgroupsPath
  if (!given) return `/vitrine-oci/${id}`
  if (/^[^/:]*:[^/:]*:[^/:]*$/.test(given))
    throw new UserError(`linux.cgroupsPath: ${given}: a slice of systemd needs --systemd-cgroup; give a path`)
  return given.startsWith('/') ? given : `/${given}`
}

/** Whether there is a value somewhere in it. */
function asksAnything(wish: unknown): boolean {
  return typeof wish === 'object' && wish !== null
    ? Object.values(wish).some(asksAnything)
    : wish !== undefined && wish !== null
}

/**
 * @param path - of its cgroup
 * @errors UserError for whatever the bundle asks and this host does not give
 */
export async function prepare(
  host: Host,
  { spec, rootDirectory }: Bundle,
  path: string,
  options: CreateOptions,
): Promise<PreparedContainer> {
  const { kernel, environment } = host
  const { linux, process, hooks } = spec
  if (process === undefined) throw new UserError('process: a container needs a process to run')
  if (process.terminal && options.consoleSocket === undefined && options.terminal === undefined)
    throw new UserError('process.terminal: a terminal needs --console-socket, where it is handed over')
  if (!process.terminal && options.consoleSocket !== undefined)
    throw new UserError('--console-socket: the process has no terminal (process.terminal)')
  checkNetworkDevices(spec)
  if (linux?.intelRdt) checkResctrl(linux.intelRdt)
  const resctrl = linux?.intelRdt && findResctrl(kernel)
  const asked = linux?.resources ?? {}
  const resources = options.systemdCgroup ? (await import('../systemd/scope.ts')).limitsOf(host, asked) : asked
  const cgroupHost = detectCgroups(kernel, { path, resources })
  // Somebody who may make none, and asks for no limit, stays in the caller's cgroup, as with runc and crun. Rules for devices are
  // not needed there: who is not root of the machine makes none. Root's container is never without them.
  const callerInUserNamespace = isInUserNamespace(kernel)
  const isRoot = environment.uid === 0 && !callerInUserNamespace
  const { devices: _, ...limits } = asked
  const isThere = options.systemdCgroup === true
  const hasCgroup = isThere || isRoot || asksAnything(limits) || mayMakeCgroups(kernel, cgroupHost, path)
  const cgroup = hasCgroup ? planCgroup(path, resources, cgroupHost, { isThere }) : undefined
  const sources = (spec.mounts ?? []).flatMap((mount) => boundSource(mount) ?? [])
  const seccomp = await filterOf(host, linux?.seccomp)
  const facts: LaunchFacts = {
    ...readCaller(kernel, environment.uid),
    callerInUserNamespace,
    rootDirectory,
    sources: sourceKinds(kernel, sources),
    // What the image has there is copied by `copyIntoTmpfs`, once the child waits.
    emptyDestinations: copiedMounts(spec).map(({ destination }) => destination),
    cgroup: cgroup
      ? { ...cgroup, view: cgroupView(cgroup.paths, cgroupHost) }
      : { create: [], join: [], view: cgroupView(callersPaths(ownCgroups(kernel), cgroupHost), cgroupHost) },
    ...(process.oomScoreAdj === undefined
      ? {}
      : { oomScoreAdj: Number(readTextIfThere(kernel, '/proc/self/oom_score_adj') ?? 0) }),
    ...(seccomp === undefined ? {} : { seccomp }),
    preserveFds: options.preserveFds,
    selinux: stat(kernel, selinuxFile) !== undefined,
    ...(options.keepsKeyring && { keepsKeyring: true }),
    waitsForHooks:
      takesNetworkDevices(spec) ||
      [hooks?.prestart, hooks?.createRuntime, hooks?.createContainer].some((list) => list?.length),
    checksProgram: true,
    waitsForStart: true,
  }
  const isNewUser = linux?.namespaces?.some(({ type, path: joined }) => type === 'user' && !joined) === true
  const { uidMappings: uid = [], gidMappings: gid = [] } = linux ?? {}
  if (isNewUser && (uid.length === 0 || gid.length === 0))
    throw new UserError('linux.uidMappings, linux.gidMappings: a new user namespace needs both')
  return {
    spec,
    plan: planContainer(spec, facts),
    ...(cgroup && { cgroup }),
    ...(isNewUser ? { mappings: { uid, gid, single: false } } : {}),
    ...(resctrl && { resctrl }),
  }
}
