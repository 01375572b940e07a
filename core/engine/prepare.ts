// From a container on disk to the plan of its start: everything is looked up here, and nothing is made.

import { type CgroupHost, detectCgroups, whereIs } from '../cgroup/detect.ts'
import { type CgroupPlan, planCgroup } from '../cgroup/plan.ts'
import { UserError } from '../errors.ts'
import { AT_FDCWD, readTextIfThere, stat } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import { planContainer } from '../launch/container.ts'
import { cgroupView, type LaunchFacts, type OverlayFacts } from '../launch/facts.ts'
import type { LaunchPlan } from '../launch/plan.ts'
import { capabilitiesOf } from '../spec/capabilities.ts'
import { specFromRequest, userOf } from '../spec/from-request.ts'
import type { ContainerRequest, RequestedResources } from '../spec/request.ts'
import type { Spec } from '../spec/types.ts'
import { resolveGroups, resolveUser } from '../spec/user.ts'
import type { ContainerPaths } from '../store/paths.ts'
import type { Stored } from '../store/record.ts'
import { type Caller, capabilityNamesOf, readCaller } from './caller.ts'
import { allHostDevices, requestedDevices, sourceKinds } from './devices.ts'
import type { Host, Settings } from './host.ts'
import { type Joined, joinedNamespaces } from './joined.ts'
import { isOverlay } from './make.ts'
import { networkModeOf } from './name-files.ts'
import { readInLayers } from './root-files.ts'
import { type IdMappings, idMappings, refuseLockedLayer } from './rootless.ts'
import { filterOf } from './seccomp.ts'
import { plannedVolumes } from './volumes.ts'

export interface Prepared {
  readonly spec: Spec
  readonly plan: LaunchPlan
  readonly caller: Caller
  /** Undefined without cgroups. */
  readonly cgroup?: CgroupPlan
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
 * @param volumes - directories of named and unnamed volumes
 * @param nothingMade - the container is only thought of: its own files need not be there
 * @errors UserError for whatever the request asks and this host or root filesystem does not give
 */
export async function prepare(
  host: Host,
  settings: Settings,
  stored: Stored,
  volumes: Readonly<Record<string, string>>,
  nothingMade = false,
): Promise<Prepared> {
  const { kernel, environment } = host
  const { record, paths } = stored
  const request = currentRequest(stored)
  const image = record.image?.config
  const rootless = environment.uid !== 0
  if (!rootless && request.userns?.kind === 'private')
    throw new UserError('--userns=private: root has no subordinate ids to lend; run as another user')
  if (rootless && networkModeOf(request) === 'bridge')
    throw new UserError(
      `--network=bridge: user ${environment.uid} may make no links on the host; use --network=none or --network=host`,
    )
  const newUserNamespace = rootless && (request.userns === undefined || request.userns.kind === 'private')
  const caller = readCaller(kernel, environment.uid)
  const overlay = overlayOf(stored)
  const layers = overlay
    ? [...(overlay.upperDirectory === undefined ? [] : [overlay.upperDirectory]), ...overlay.lowerDirectories]
    : [rootDirectoryOf(request)]
  const group = readInLayers(kernel, layers, 'etc', 'group')
  const user = resolveUser(userOf(request, image), readInLayers(kernel, layers, 'etc', 'passwd'), group)
  const joined = await joinedNamespaces(host, settings, request)
  const cgroupHost = cgroupsFor(host, settings, request, record.cgroupPath)
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
  const mappings = newUserNamespace ? idMappings(host) : undefined
  const joinedUser = joinedUserOf(kernel, request, joined)
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
    volumePaths: nothingMade ? plannedVolumes(settings, stored) : volumes,
    deviceNodes: requestedDevices(kernel, request.devices),
    hostDevices: request.privileged ? allHostDevices(kernel) : [],
    ...(filter === undefined ? {} : { seccomp: filter.profile }),
    newUserNamespace,
    ...(mappings === undefined ? {} : { idMappings: mappings }),
    ttyGroupMapped: mappings === undefined ? joinedUser.ttyGroup : !mappings.single,
    ...(initPath === undefined ? {} : { initPath }),
    apparmor: request.security.apparmor !== undefined && hasAppArmor(kernel),
    swapAccounting: cgroupHost?.swapLimit ?? false,
    pidsController: cgroupHost !== undefined && whereIs(cgroupHost, 'pids') !== undefined,
  })
  // Without a cgroup of its own there is none to show.
  const spec =
    cgroupHost === undefined ? { ...asked, mounts: asked.mounts?.filter(({ type }) => type !== 'cgroup') } : asked
  const cgroup =
    cgroupHost === undefined ? undefined : planCgroup(record.cgroupPath, spec.linux?.resources ?? {}, cgroupHost)
  const places = nothingMade ? plannedVolumes(settings, stored) : volumes
  const ownFiles: Record<string, 'file' | 'directory'> = {}
  for (const path of Object.values(files)) ownFiles[path] = 'file'
  for (const path of Object.values(places)) ownFiles[path] = 'directory'
  const sources = (spec.mounts ?? []).filter(({ type }) => type === 'bind').map(({ source }) => source!)
  const { source } = request
  if (newUserNamespace && source.kind === 'rootfs' && source.overlay) refuseLockedLayer(host, source.path)
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
    ...(mappings?.single || joinedUser.setgroupsDenied ? { setgroupsDenied: true } : {}),
    ...(request.oomScoreAdj === undefined
      ? {}
      : { oomScoreAdj: Number(readTextIfThere(kernel, '/proc/self/oom_score_adj') ?? 0) }),
    ...(filter === undefined ? {} : { seccomp: filter.compiled }),
    waitsForStart: true,
  }
  return {
    spec,
    plan: planContainer(spec, facts),
    caller,
    ...(cgroup === undefined ? {} : { cgroup, cgroupHost }),
    ...(mappings === undefined ? {} : { mappings }),
    joined,
  }
}

/** What a user namespace that is joined allows; the files of its processes tell. user_namespaces(7) */
function joinedUserOf(kernel: Host['kernel'], { userns }: ContainerRequest, joined: Joined) {
  const path = userns?.kind === 'path' ? userns.path : joined.paths.user
  const pid = /^\/proc\/(\d+)\/ns\/user$/.exec(path ?? '')?.[1]
  const read = (name: string) => (pid === undefined ? undefined : readTextIfThere(kernel, `/proc/${pid}/${name}`))
  const ttyGroup = read('gid_map')
    ?.split('\n')
    .some((line) => {
      const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number)
      return line !== '' && first <= 5 && 5 < first + count
    })
  return { ttyGroup: ttyGroup ?? true, setgroupsDenied: read('setgroups')?.trim() === 'deny' }
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
function cgroupsFor(host: Host, settings: Settings, request: ContainerRequest, path: string): CgroupHost | undefined {
  const { memoryBytes, memorySwapBytes, blkioWeight } = request.resources
  const resources = {
    ...(memoryBytes === undefined && memorySwapBytes === undefined ? {} : { memory: { swap: memorySwapBytes ?? -1 } }),
    ...(blkioWeight === undefined ? {} : { blockIO: { weight: blkioWeight } }),
  }
  const found = detectCgroups(host.kernel, { path, resources })
  if (host.environment.uid === 0 || mayMake(host.kernel, settings, request, found)) return found
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
  const W_OK = 2
  const AT_EACCESS = 0x200
  const parent = request.cgroupParent ?? settings.cgroupParent
  const places = [...hierarchies.map((each) => each.mountPoint), ...(unified === undefined ? [] : [unified.mountPoint])]
  return places.every((place) => {
    const pathname = stat(kernel, `${place}${parent}`) === undefined ? place : `${place}${parent}`
    return !refused(kernel.call({ name: 'faccessat2', dirfd: AT_FDCWD, pathname, mode: W_OK, flags: AT_EACCESS }))
  })
}

function hasAppArmor(kernel: Kernel): boolean {
  return readTextIfThere(kernel, '/sys/module/apparmor/parameters/enabled')?.startsWith('Y') ?? false
}
