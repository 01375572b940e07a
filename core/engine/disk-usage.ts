// system df: what images, containers and volumes occupy on disk, in blocks, and how much of it nobody needs. podman-system-df(1)

import { diskBytes } from '../disk.ts'
import { type ImageRecord, listImages } from '../image/store.ts'
import type { Stored } from '../store/record.ts'
import type { Host, Settings } from './host.ts'
import { partsOf } from './image-prune.ts'
import { rowOf } from './list.ts'
import { lookAtAll } from './open.ts'
import type { ContainerRow } from './types.ts'
import { listVolumes } from './volume-list.ts'
import { volumeNamesOf } from './volume-users.ts'

export interface ImageUsage {
  readonly image: ImageRecord
  /** All its layers and blobs. */
  readonly bytes: number
  /** Of them what other images have too. */
  readonly sharedBytes: number
  /** How many containers are made of it. */
  readonly containers: number
}

export interface ContainerUsage {
  readonly row: ContainerRow
  /** What it has written: its upper directory. */
  readonly bytes: number
  readonly volumes: number
}

export interface VolumeUsage {
  readonly name: string
  /** How many containers have it. */
  readonly links: number
  /** Its files; those of a tmpfs are nowhere on disk. */
  readonly bytes: number
}

export interface UsageSum {
  readonly total: number
  /** Images and volumes that containers have, containers that run. */
  readonly active: number
  readonly bytes: number
  /** What would be free if all that are not active were removed. */
  readonly reclaimableBytes: number
}

export interface DiskUsage {
  readonly images: readonly ImageUsage[]
  readonly containers: readonly ContainerUsage[]
  readonly volumes: readonly VolumeUsage[]
  /** A layer that several images have counts once, and is reclaimable when no active image has it. */
  readonly sums: { readonly images: UsageSum; readonly containers: UsageSum; readonly volumes: UsageSum }
}

/** Reads the sizes of everything: as slow as du(1). */
export async function diskUsage(host: Host, settings: Settings): Promise<DiskUsage> {
  const stored = await lookAtAll(host, settings)
  const { images, sum } = imageUsage(host, settings, stored)
  const containers = stored.map((each) => containerUsage(host, each)).sort((a, b) => b.row.createdMs - a.row.createdMs)
  const volumes = await volumeUsage(host, settings)
  return {
    images,
    containers,
    volumes,
    sums: {
      images: sum,
      containers: sumOf(containers, ({ row }) => row.status === 'running' || row.status === 'paused'),
      volumes: sumOf(volumes, ({ links }) => links > 0),
    },
  }
}

function sumOf<T extends { readonly bytes: number }>(all: readonly T[], isActive: (one: T) => boolean): UsageSum {
  const bytesOf = (some: readonly T[]) => some.reduce((sum, { bytes }) => sum + bytes, 0)
  const active = all.filter(isActive)
  return {
    total: all.length,
    active: active.length,
    bytes: bytesOf(all),
    reclaimableBytes: bytesOf(all) - bytesOf(active),
  }
}

function imageUsage({ kernel }: Host, settings: Settings, stored: readonly Stored[]) {
  const records = listImages({ kernel, root: settings.root })
  const uses = (image: ImageRecord) => stored.filter(({ record }) => record.image?.id === image.id).length
  const parts = records.map((image) => [...new Set(partsOf(settings, image))])
  const all = parts.flat()
  const bytes = new Map([...new Set(all)].map((path) => [path, diskBytes(kernel, path)]))
  const bytesOf = (paths: Iterable<string>) => [...paths].reduce((sum, path) => sum + bytes.get(path)!, 0)
  const owners = new Map<string, number>()
  for (const path of all) owners.set(path, (owners.get(path) ?? 0) + 1)
  const images = records.map(
    (image, index): ImageUsage => ({
      image,
      bytes: bytesOf(parts[index]!),
      sharedBytes: bytesOf(parts[index]!.filter((path) => owners.get(path)! > 1)),
      containers: uses(image),
    }),
  )
  const needed = new Set(parts.filter((_, index) => images[index]!.containers > 0).flat())
  const sum: UsageSum = {
    total: images.length,
    active: images.filter(({ containers }) => containers > 0).length,
    bytes: bytesOf(bytes.keys()),
    reclaimableBytes: bytesOf(bytes.keys()) - bytesOf(needed),
  }
  return { images, sum }
}

function containerUsage({ kernel }: Host, stored: Stored): ContainerUsage {
  return {
    row: rowOf(stored),
    bytes: diskBytes(kernel, stored.paths.upper),
    volumes: volumeNamesOf(stored.record).length,
  }
}

async function volumeUsage(host: Host, settings: Settings): Promise<VolumeUsage[]> {
  const rows = await listVolumes(host, settings, { size: true })
  return rows.map(({ name, containers, sizeBytes = 0 }) => ({ name, links: containers.length, bytes: sizeBytes }))
}
