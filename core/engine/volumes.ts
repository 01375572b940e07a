// The volumes of a container: which they are, when it is made, and where they are, when it is started.

import { UserError } from '../errors.ts'
import { stat } from '../files.ts'
import type { ImageConfig } from '../spec/image-config.ts'
import { cleanPath, volumesOf } from '../spec/mounts.ts'
import type { ContainerRequest, Volume } from '../spec/request.ts'
import { type LocalVolume, localVolume } from '../spec/volume-driver.ts'
import { newId } from '../store/ids.ts'
import { lockDirectory } from '../store/lock.ts'
import type { Stored } from '../store/record.ts'
import { checkVolumeName, makeVolume, readVolume, type VolumeRecord, volumePaths } from '../store/volumes.ts'
import type { Host, Settings } from './host.ts'

/** Where the volumes of a container are. */
export interface VolumePlaces {
  /** By name, or by destination for one without a name: its directory. */
  readonly paths: Readonly<Record<string, string>>
  /** By name: what the driver's options make of it, where that is no directory of its own. */
  readonly mounts: Readonly<Record<string, Exclude<LocalVolume, { kind: 'directory' }>>>
  /** By destination: where the changes of a volume with `O` go. */
  readonly overlays: Readonly<Record<string, { readonly upper: string; readonly work: string }>>
  /** Something is to be done before they are used: see first-use. */
  readonly toPrepare: boolean
}

/**
 * A request with all its volumes, which are looked up when its container is made: those of other containers and of the
 * image too, and a name for each that has none.
 *
 * @errors UserError for another container that is not there
 */
export async function withVolumes(
  host: Host,
  settings: Settings,
  request: ContainerRequest,
  image: ImageConfig | undefined,
): Promise<ContainerRequest> {
  const { volumesFrom = [] } = request
  if (volumesFrom.length === 0 && volumesOf(request, image).length === 0) return request
  const taken = new Set([...request.volumes, ...request.tmpfs].map((each) => cleanPath(each.destination)))
  const shared: Volume[] = []
  for (const from of volumesFrom) {
    const { volumesOfAnother } = await import('./volumes-from.ts')
    for (const volume of await volumesOfAnother(host, settings, from)) {
      const destination = cleanPath(volume.destination)
      if (taken.has(destination)) continue
      taken.add(destination)
      shared.push(volume)
    }
  }
  const asked = { ...request, volumes: [...request.volumes, ...shared] }
  const volumes = volumesOf(asked, image).map((volume) =>
    volume.kind === 'anonymous' && volume.source === undefined
      ? { ...volume, source: newId(host.randomBytes) }
      : volume,
  )
  return { ...request, volumes }
}

/**
 * Where the volumes of a container are; those that are not there are made. The container is written down, and locked.
 *
 * @param nothingMade - it is only thought of: they are where they would be
 * @errors UserError
 */
export async function volumePlaces(
  host: Host,
  settings: Settings,
  { record, paths: own }: Stored,
  nothingMade = false,
): Promise<VolumePlaces> {
  const { kernel } = host
  const paths: Record<string, string> = {}
  const mounts: Record<string, Exclude<LocalVolume, { kind: 'directory' }>> = {}
  const overlays: Record<string, { upper: string; work: string }> = {}
  let toPrepare = false
  let unnamed = 0
  for (const [index, volume] of volumesOf(record.request, record.image?.config).entries()) {
    const { kind, source, options } = volume
    const destination = cleanPath(volume.destination)
    if (options.includes('z') || options.includes('Z')) refuseLabels(host, volume)
    if (options.includes('U') || options.includes('O')) toPrepare = true
    if (options.includes('O')) overlays[destination] = overlayOf(volume, `${own.volumes}/${index}`)
    if (kind === 'bind') continue
    if (source === undefined) {
      // Of a container that was made before these had names.
      paths[destination] = `${own.volumes}/${unnamed++}`
      continue
    }
    const found = nothingMade ? readVolume(kernel, settings, source) : await theVolume(host, settings, volume)
    if (found?.unused) toPrepare = true
    const local = localVolume(found?.options ?? {})
    paths[source] = local.kind === 'bind' ? local.source : volumePaths(settings, source).data
    if (local.kind === 'bind' && stat(kernel, local.source) === undefined)
      throw new UserError(`volume ${source}: ${local.source}: no such file or directory on the host`)
    if (local.kind !== 'directory') mounts[source] = local
    if (local.kind === 'tmpfs' && options.includes('O'))
      throw new UserError(`-v ${source}:${destination}:O: the volume is in memory, and every container has its own`)
  }
  return { paths, mounts, overlays, toPrepare }
}

/** A volume as it is written down, made when it is not there. */
async function theVolume(host: Host, settings: Settings, { kind, source }: Volume): Promise<VolumeRecord> {
  const { kernel } = host
  const name = source!
  checkVolumeName(name)
  // More than once when others make and remove it at the same time.
  for (let attempt = 0; attempt < 100; attempt++) {
    const lock = await lockDirectory(kernel, volumePaths(settings, name).directory)
    try {
      const record = lock && readVolume(kernel, settings, name)
      if (record !== undefined) return record
    } finally {
      lock?.release()
    }
    await makeVolume(kernel, settings, host.randomBytes, {
      version: 1,
      name,
      driver: 'local',
      options: {},
      labels: {},
      createdMs: host.now(),
      anonymous: kind === 'anonymous',
      unused: true,
    })
  }
  const { directory } = volumePaths(settings, name)
  throw new UserError(`volume ${name}: ${directory} is in its place, and is no volume: remove it, or use another name`)
}

function overlayOf({ options }: Volume, own: string): { upper: string; work: string } {
  const given = (key: string) => options.find((option) => option.startsWith(key))?.slice(key.length)
  return { upper: given('upperdir=') ?? `${own}/upper`, work: given('workdir=') ?? `${own}/work` }
}

/** Without SELinux there is no label to change, so that relabelling is done before it begins. */
function refuseLabels({ kernel }: Host, { source = '', destination, options }: Volume): void {
  if (stat(kernel, '/sys/fs/selinux/enforce') === undefined) return
  throw new UserError(
    `-v ${source}:${destination}:${options.join(',')}: this host labels files (SELinux), and vitrine changes no labels: leave out z and Z, and use chcon(1) where a label is needed`,
  )
}
