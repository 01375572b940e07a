// The mounts of a container from a request: podman's default ones, volumes, tmpfs and the files vitrine writes.

import { UserError } from '../errors.ts'
import * as defaults from './defaults.ts'
import type { RequestFacts } from './facts.ts'
import { isIdmap } from './idmap-option.ts'
import type { ImageConfig } from './image-config.ts'
import { isTmpfsOption, propagations } from './mount-words.ts'
import type { ContainerRequest, Tmpfs, Volume } from './request.ts'
import type { Mount } from './types.ts'

/** Without `.`, `..`, doubled and trailing slashes: two spellings of one destination are one mount. */
export function cleanPath(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

/** Each is a directory, a copy and some steps of the start, and an image can say what it likes. */
const imageVolumesMax = 200

/**
 * The volumes a container needs: those asked for, and an unnamed one for each of the image's Volumes that nothing else is
 * mounted on.
 *
 * @errors UserError for an image that wants too many
 */
export function volumesOf(request: ContainerRequest, image: ImageConfig | undefined): readonly Volume[] {
  const taken = new Set([...request.volumes, ...request.tmpfs].map((each) => cleanPath(each.destination)))
  const fromImage = Object.keys(image?.config?.Volumes ?? {})
    .map(cleanPath)
    .filter((destination) => !taken.has(destination))
  if (fromImage.length > imageVolumesMax)
    throw new UserError(`the image wants ${fromImage.length} volumes; ${imageVolumesMax} are the most that are made`)
  return [
    ...request.volumes,
    ...fromImage.map((destination): Volume => ({ kind: 'anonymous', destination, options: [], ofImage: true })),
  ]
}

/** Options that the engine acts on; the mount itself does not have them. */
const isOfEngine = (option: string): boolean =>
  /^([zZUO]|copy|nocopy)$/.test(option) || /^(upper|work)dir=/.test(option)

function volumeMount(volume: Volume, facts: RequestFacts): Mount {
  const destination = cleanPath(volume.destination)
  const key = volume.kind === 'bind' ? undefined : (volume.source ?? destination)
  const driver = of(facts.volumeMounts, key)
  if (driver?.kind === 'tmpfs') {
    const options = [...driver.options, ...volume.options.filter((option) => option === 'U' || isTmpfsOption(option))]
    return tmpfsMount({ destination, options }, facts.user)
  }
  const source = volume.kind === 'bind' ? volume.source : of(facts.volumePaths, key)
  if (source === undefined)
    throw new UserError(`-v ${volume.source ?? destination}: there is no volume of that name; give a path of the host`)
  if (volume.options.includes('O')) return overlayMount(destination, source, facts)
  const options = [...(driver?.options ?? []), ...volume.options]
    .filter((option) => !isOfEngine(option))
    .map((option) => (isIdmap(option) ? 'idmap' : option))
  return {
    destination,
    type: 'bind',
    source,
    options: [
      ...(options.includes('bind') || options.includes('rbind') ? [] : ['rbind']),
      ...(options.some((option) => propagations.includes(option)) ? [] : ['rprivate']),
      ...options,
    ],
  }
}

function overlayMount(destination: string, source: string, facts: RequestFacts): Mount {
  const overlay = of(facts.overlays, destination)
  if (overlay === undefined) throw new UserError(`-v ${source}:${destination}:O: there is no place for its changes`)
  const layers = { lowerdir: source, upperdir: overlay.upper, workdir: overlay.work }
  // In overlay's options a backslash takes away the meaning of `:` and `,`. overlayfs (kernel documentation)
  const options = Object.entries(layers).map(([key, path]) => `${key}=${path.replace(/[\\:,]/g, '\\$&')}`)
  return { destination, type: 'overlay', source: 'overlay', options }
}

/** A name may be that of a method of every object. */
function of<T>(table: Readonly<Record<string, T>> | undefined, key: string | undefined): T | undefined {
  return table !== undefined && key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined
}

function tmpfsMount({ destination, options: given }: Tmpfs, user?: RequestFacts['user']): Mount {
  // A tmpfs is made for its container, so that its first owner is all that there is to change.
  const owner = given.includes('U') && user !== undefined ? [`uid=${user.uid}`, `gid=${user.gid}`] : []
  const options = [...given.filter((option) => option !== 'U'), ...owner]
  const opposites: Readonly<Record<string, string>> = { rw: 'ro', nosuid: 'suid', nodev: 'dev' }
  const added = Object.entries(opposites).filter(([mine, other]) => !options.includes(mine) && !options.includes(other))
  return {
    destination: cleanPath(destination),
    type: 'tmpfs',
    source: 'tmpfs',
    options: [...added.map(([mine]) => mine), ...options],
  }
}

/** A namespace of the host's, over which nobody has rights who is not root of the host. */
function isForeign(mode: { readonly kind: string }, { newUserNamespace, mapsOwners }: RequestFacts): boolean {
  return newUserNamespace && !mapsOwners && mode.kind === 'host'
}

/** /dev/shm and /dev/mqueue belong to the ipc namespace: whoever shares it shares them. */
function ipcMounts(request: ContainerRequest, facts: RequestFacts): readonly Mount[] {
  const { ipc } = request
  if (ipc.kind === 'none') return [defaults.mqueueMount]
  // A fresh mqueue shows the queues of the ipc namespace; a host need not have it mounted. Others may only bind it.
  if (ipc.kind === 'host') {
    const mqueue = isForeign(ipc, facts) ? defaults.bindMount('/dev/mqueue', '/dev/mqueue') : defaults.mqueueMount
    return [mqueue, defaults.bindMount('/dev/shm', '/dev/shm')]
  }
  const shm =
    facts.shmPath === undefined
      ? defaults.shmMount(request.shmSizeBytes)
      : defaults.bindMount('/dev/shm', facts.shmPath)
  return [defaults.mqueueMount, shm]
}

/** A fresh sysfs or procfs shows its namespaces' things and needs rights over them: else the host's own is bound. */
function systemMounts(request: ContainerRequest, facts: RequestFacts): readonly Mount[] {
  const access = request.privileged ? 'rw' : 'ro'
  const proc = isForeign(request.pid, facts)
    ? defaults.bindMount('/proc', '/proc', ['nosuid', 'noexec', 'nodev'])
    : defaults.procMount
  const sys = isForeign(request.network, facts)
    ? defaults.bindMount('/sys', '/sys', ['nosuid', 'noexec', 'nodev', access])
    : defaults.sysMount(access)
  // gid 5 must exist in the user namespace, or devpts refuses its options.
  const pts = facts.ttyGroupMapped
    ? defaults.ptsMount
    : { ...defaults.ptsMount, options: defaults.ptsMount.options!.filter((option) => option !== 'gid=5') }
  return [proc, defaults.devMount, sys, pts, ...ipcMounts(request, facts), defaults.cgroupMount(access)]
}

const depth = (mount: Mount): number => mount.destination.split('/').filter((part) => part !== '').length

/**
 * All mounts, in the order in which they are made: parents before what lies below them. A volume or tmpfs of the user
 * replaces a default mount with the same destination.
 *
 * @errors UserError for two mounts on one destination, and a volume that is not there
 */
export function mountsOf(
  request: ContainerRequest,
  image: ImageConfig | undefined,
  facts: RequestFacts,
): readonly Mount[] {
  const asked = [
    ...request.tmpfs.map((each) => tmpfsMount(each, facts.user)),
    ...volumesOf(request, image).map((volume) => volumeMount(volume, facts)),
  ]
  const destinations = new Set<string>()
  for (const { destination } of asked) {
    if (destination === '/') throw new UserError('-v: the destination / is the container itself')
    if (destinations.has(destination)) throw new UserError(`-v: two mounts on ${destination}; give one of them`)
    destinations.add(destination)
  }
  const asUser = request.volumes.filter((volume) => !volume.ofImage)
  const byUser = new Set([...asUser, ...request.tmpfs].map((each) => cleanPath(each.destination)))
  for (const destination of destinations)
    if (!byUser.has(destination) && /^\/(proc|sys|dev)(\/|$)/.test(destination))
      throw new UserError(
        `the image has a volume on ${destination}, which would hide what the kernel shows there: not run, unless -v or --tmpfs says what is to be there`,
      )
  const scratch = request.readOnly && request.readOnlyTmpfs ? ['/run', '/tmp', '/var/tmp'] : []
  const owned = facts.mapsOwners ? ['idmap'] : []
  const files = Object.entries(facts.files).map(([destination, source]) =>
    defaults.bindMount(destination, source, owned),
  )
  const init =
    request.init && facts.initPath !== undefined ? [defaults.bindMount(initDestination, facts.initPath, ['ro'])] : []
  const given = [
    ...systemMounts(request, facts),
    ...scratch.map((destination) => tmpfsMount({ destination, options: [] })),
    ...files,
    ...init,
  ].filter((mount) => !destinations.has(mount.destination))
  // A stable sort: among equals the order above stays, and /proc comes before /proc/sys whoever asked for which.
  return [...given, ...asked]
    .map((mount) => ({ mount, depth: depth(mount) }))
    .sort((a, b) => a.depth - b.depth)
    .map((each) => each.mount)
}

/** Where `--init` puts the program that reaps. */
export const initDestination = '/run/vitrine-init'
