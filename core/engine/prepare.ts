// From a container on disk to the plan of its start: everything is looked up here, and nothing is made.

import { type CgroupHost, detectCgroups, mayWrite, whereIs } from '../cgroup/detect.ts'
import { type CgroupPlan, planCgroup } from '../cgroup/plan.ts'
import { UserError } from '../errors.ts'
import { readTextIfThere, stat } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import { planContainer } from '../launch/container.ts'
import { cgroupView, type LaunchFacts, type OverlayFacts } from '../launch/facts.ts'
import type { LaunchPlan } from '../launch/plan.ts'
import { capabilitiesOf } from '../spec/capabilities.ts'
import { specFromRequest, userOf } from '../spec/from-request.ts'
import type { ContainerRequest, RequestedResources } from '../spec/request.ts'
import type { LinuxResources, Spec } from '../spec/types.ts'
import { resolveGroups, resolveUser } from '../spec/user.ts'
import type { ContainerPaths } from '../store/paths.ts'
import type { Stored } from '../store/record.ts'
import { type Caller, capabilityNamesOf, readCaller } from './caller.ts'
import { type CgroupPlace, cgroupHostAt, plannedScope } from './cgroup-place.ts'
import { allHostDevices, requestedDevices, sourceKinds } from './devices.ts'
import type { Host, Settings } from './host.ts'
import { type Joined, joinedNamespaces } from './joined.ts'
import { isOverlay } from './make.ts'
import { networkModeOf } from './name-files.ts'
import { readInLayers } from './root-files.ts'
import { type IdMappings, refuseLockedLayer } from './rootless.ts'
import { filterOf } from './seccomp.ts'
import {
  checkMapped,
  hasTerminalGroup,
  idmapNamespaces,
  namespacesToMake,
  userNamespaceOf,
  withoutOwnUser,
} from './user-mode.ts'
import { type MadeNamespaces, plannedHolders, plannedNamespaces } from './user-namespace.ts'
import type { VolumePlaces } from './volumes.ts'

export interface Prepared {
  readonly spec: Spec
  readonly plan: LaunchPlan
  readonly caller: Caller
  /** Undefined without cgroups. */
  readonly cgroup?: CgroupPlan
  /** The limits of its cgroup. */
  readonly resources: LinuxResources
  readonly mappings?: IdMappings
  readonly joined: Joined
  /** The host's cgroups, when the container gets one. */
  readonly cgroupHost?: CgroupHost
}

/** The limits of a request as changed since by `update`. */
export function currentRequest({ record, state }: Pick<Stored, 'record' | 'state'>): ContainerRequest {
  if (state.resources === undefined) return record.request
  return { ...record.request, resources: state.resources }
}

/**
 * @param places - of its volumes; those of its own need not be there
 * @param given - the user namespaces that were made for it; absent while it is not to be started
 * @errors UserError for whatever the request asks and this host or root filesystem does not give
 */
export async function prepare(
  host: Host,
  settings: Settings,
  stored: Stored,
  places: VolumePlaces,
  given?: MadeNamespaces,
): Promise<Prepared> {
  const { kernel, environment } = host
  const { record, paths } = stored
  const rootless = environment.uid !== 0
  const joined = await joinedNamespaces(host, settings, currentRequest(stored))
  const request = withoutOwnUser(kernel, currentRequest(stored), joined)
  const image = record.image?.config
  if (rootless && networkModeOf(request) === 'bridge')
    throw new UserError(
      `--network=bridge: user ${environment.uid} may make no links on the host; use --network=none or --network=host`,
    )
  const toMake = given === undefined ? namespacesToMake(host, record) : undefined
  const made = given ?? plannedNamespaces(toMake!)
  const userNamespace = userNamespaceOf(host, record, request, joined, made.user)
  const { isNew: newUserNamespace, entered } = userNamespace
  const mappings = newUserNamespace ? userNamespace.mappings : undefined
  const caller = readCaller(kernel, environment.uid)
  const overlay = overlayOf(stored)
  const layers = overlay
    ? [...(overlay.upperDirectory === undefined ? [] : [overlay.upperDirectory]), ...overlay.lowerDirectories]
    : [rootDirectoryOf(request)]
  const group = readInLayers(kernel, layers, 'etc', 'group')
  const user = resolveUser(userOf(request, image), readInLayers(kernel, layers, 'etc', 'passwd'), group)
  const cgroupHost = cgroupsFor(host, settings, request, record)
  const all = (1n << BigInt(caller.lastCapability + 1)) - 1n
  const boundingCapabilities = capabilityNamesOf(
    newUserNamespace ? all : caller.capabilities.bounding,
    caller.lastCapability,
  )
  const filter = await filterOf(
    host,
    settings,
    request,
    capabilitiesOf(request, { uid: user.uid, boundingCapabilities }).bounding ?? [],
  )
  checkMapped(userNamespace, user)
  const initPath = request.init ? host.initPath?.() : undefined
  const rootPath = overlay?.mountPoint ?? rootDirectoryOf(request)
  const files = boundFiles(request, paths, joined)
  const asked = specFromRequest(request, image, {
    containerId: record.id,
    rootPath,
    cgroupsPath: record.cgroupPath,
    user,
    addedGids: resolveGroups(request.groupAdd, group),
    boundingCapabilities,
    files,
    joinedPaths: joined.paths,
    ...(joined.shmPath === undefined ? {} : { shmPath: joined.shmPath }),
    volumePaths: places.paths,
    volumeMounts: places.mounts,
    overlays: places.overlays,
    deviceNodes: requestedDevices(kernel, request.devices),
    hostDevices: request.privileged ? allHostDevices(kernel) : [],
    ...(filter === undefined ? {} : { seccomp: filter.profile }),
    newUserNamespace,
    mapsOwners: entered !== undefined,
    ...(mappings === undefined ? {} : { idMappings: mappings }),
    ttyGroupMapped: hasTerminalGroup(userNamespace),
    ...(initPath === undefined ? {} : { initPath }),
    apparmor: request.security.apparmor !== undefined && hasAppArmor(kernel),
    swapAccounting: cgroupHost?.swapLimit ?? false,
    pidsController: cgroupHost !== undefined && whereIs(cgroupHost, 'pids') !== undefined,
  })
  // Without a cgroup of its own there is none to show.
  const spec =
    cgroupHost === undefined ? { ...asked, mounts: asked.mounts?.filter(({ type }) => type !== 'cgroup') } : asked
  const limits = limitsFor(environment.uid, spec.linux?.resources ?? {})
  const cgroup = cgroupHost === undefined ? undefined : planCgroup(record.cgroupPath, limits, cgroupHost)
  const ownFiles: Record<string, 'file' | 'directory'> = {}
  for (const path of Object.values(files)) ownFiles[path] = 'file'
  for (const [name, path] of Object.entries(places.paths)) if (!(name in places.mounts)) ownFiles[path] = 'directory'
  const sources = (spec.mounts ?? []).filter(({ type }) => type === 'bind').map(({ source }) => source!)
  const { source } = request
  if (rootless && newUserNamespace && source.kind === 'rootfs' && source.overlay) refuseLockedLayer(host, source.path)
  const facts: LaunchFacts = {
    ...caller,
    ...(overlay === undefined ? { rootDirectory: rootPath } : { overlay }),
    sources: {
      ...ownFiles,
      ...sourceKinds(
        kernel,
        sources.filter((source) => !(source in ownFiles)),
      ),
    },
    ...(cgroup === undefined ? {} : { cgroup: { ...cgroup, view: cgroupView(cgroup.paths, cgroupHost!) } }),
    ...(userNamespace.setgroupsDenied ? { setgroupsDenied: true } : {}),
    ...(request.oomScoreAdj === undefined
      ? {}
      : { oomScoreAdj: Number(readTextIfThere(kernel, '/proc/self/oom_score_adj') ?? 0) }),
    ...(filter === undefined ? {} : { seccomp: filter.compiled }),
    waitsForStart: true,
    ...(entered === undefined ? {} : { userNamespace: entered }),
    idmapNamespaces: idmapNamespaces(host, spec, userNamespace, made.mounts),
  }
  return {
    spec,
    plan: {
      ...planContainer(spec, facts),
      ...(toMake === undefined ? {} : { given: [...plannedHolders(toMake), ...plannedScope(record)] }),
    },
    caller,
    resources: limits,
    ...(cgroup === undefined ? {} : { cgroup, cgroupHost }),
    ...(mappings === undefined ? {} : { mappings }),
    joined,
  }
}

export function rootDirectoryOf(request: ContainerRequest): string {
  return request.source.kind === 'rootfs' ? request.source.path : ''
}

export function overlayOf({ record, paths }: Pick<Stored, 'record' | 'paths'>): OverlayFacts | undefined {
  if (!isOverlay(record.request)) return undefined
  return {
    lowerDirectories: record.image?.lower ?? [rootDirectoryOf(record.request)],
    upperDirectory: paths.upper,
    workDirectory: paths.work,
    mountPoint: paths.merged,
  }
}

/**
 * The files that vitrine writes for a container, by where they appear in it. One that joins a network shares its files;
 * one without a network needs none, unless it is given names.
 */
export function boundFiles(request: ContainerRequest, paths: ContainerPaths, joined: Joined): Record<string, string> {
  const files: Record<string, string> = {}
  if (request.uts.kind === 'private') files['/etc/hostname'] = paths.hostname
  const names = joined.network?.paths ?? paths
  if (joined.network !== undefined && joined.network.record.request.network.kind === 'none') return files
  if (request.network.kind !== 'none' || request.addHost.length > 0) files['/etc/hosts'] = names.hosts
  if (request.network.kind !== 'none' || request.dns.length > 0) files['/etc/resolv.conf'] = names.resolvConf
  return files
}

const limitFlags: Readonly<Record<keyof RequestedResources, string>> = {
  memoryBytes: '--memory',
  memorySwapBytes: '--memory-swap',
  memoryReservationBytes: '--memory-reservation',
  cpus: '--cpus',
  cpuQuotaUsec: '--cpu-quota',
  cpuPeriodUsec: '--cpu-period',
  cpuShares: '--cpu-shares',
  cpusetCpus: '--cpuset-cpus',
  cpusetMems: '--cpuset-mems',
  pidsLimit: '--pids-limit',
  blkioWeight: '--blkio-weight',
}

/** What the host has of cgroups for this container; undefined when the caller may make none and no limit is asked for. */
function cgroupsFor(
  host: Host,
  settings: Settings,
  request: ContainerRequest,
  place: CgroupPlace,
): CgroupHost | undefined {
  const { memoryBytes, memorySwapBytes, blkioWeight } = request.resources
  const resources = {
    ...(memoryBytes === undefined && memorySwapBytes === undefined ? {} : { memory: { swap: memorySwapBytes ?? -1 } }),
    ...(blkioWeight === undefined ? {} : { blockIO: { weight: blkioWeight } }),
  }
  const found = cgroupHostAt(host.kernel, detectCgroups(host.kernel, { path: place.cgroupPath, resources }), place)
  if (host.environment.uid === 0 || place.scope !== undefined || mayMake(host.kernel, settings, request, found))
    return found
  const asked = Object.entries(limitFlags).find(
    ([key]) => request.resources[key as keyof RequestedResources] !== undefined,
  )
  if (asked !== undefined)
    throw new UserError(
      `${asked[1]}: needs a cgroup that is delegated to user ${host.environment.uid} (give it with --cgroup-parent), and the caller may make none`,
    )
  return undefined
}

function mayMake(
  kernel: Kernel,
  settings: Settings,
  request: ContainerRequest,
  { hierarchies, unified }: CgroupHost,
): boolean {
  const parent = request.cgroupParent ?? settings.cgroupParent
  const places = [...hierarchies.map((each) => each.mountPoint), ...(unified === undefined ? [] : [unified.mountPoint])]
  return places.every((place) => {
    const pathname = stat(kernel, `${place}${parent}`) === undefined ? place : `${place}${parent}`
    return mayWrite(kernel, pathname) ?? false
  })
}

/**
 * Rules for devices are laid down by root alone: they take a right over all of the host. Whoever is not root makes no
 * device nodes, and opens those of the host that are his to open.
 */
function limitsFor(uid: number, { devices, ...limits }: LinuxResources): LinuxResources {
  return uid === 0 && devices !== undefined ? { ...limits, devices } : limits
}

function hasAppArmor(kernel: Kernel): boolean {
  return readTextIfThere(kernel, '/sys/module/apparmor/parameters/enabled')?.startsWith('Y') ?? false
}
