// What `system df` prints: one line a kind, or with --verbose one line each. podman-system-df(1)

import type { DiskUsage, UsageSum } from '../../core/engine/disk-usage.ts'
import { humanDuration, humanSize, shortId, withShare } from './human.ts'
import { nameParts } from './images.ts'
import { renderRows } from './rows.ts'

const columns = [
  ['TYPE', 'Type'],
  ['TOTAL', 'Total'],
  ['ACTIVE', 'Active'],
  ['SIZE', 'Size'],
  ['RECLAIMABLE', 'Reclaimable'],
] as const

function sumRow(type: string, sum: UsageSum) {
  return {
    Type: type,
    Total: sum.total,
    Active: sum.active,
    RawSize: sum.bytes,
    RawReclaimable: sum.reclaimableBytes,
    TotalCount: sum.total,
    Size: humanSize(sum.bytes),
    Reclaimable: withShare(sum.reclaimableBytes, sum.bytes),
  }
}

export function usageTable({ sums }: Pick<DiskUsage, 'sums'>, format: string | undefined): string {
  const rows = [
    sumRow('Images', sums.images),
    sumRow('Containers', sums.containers),
    sumRow('Local Volumes', sums.volumes),
  ]
  return renderRows(columns, rows, { format, heading: true })
}

const imageColumns = [
  ['REPOSITORY', 'Repository'],
  ['TAG', 'Tag'],
  ['IMAGE ID', 'ID'],
  ['CREATED', 'Created'],
  ['SIZE', 'Size'],
  ['SHARED SIZE', 'SharedSize'],
  ['UNIQUE SIZE', 'UniqueSize'],
  ['CONTAINERS', 'Containers'],
] as const
const containerColumns = [
  ['CONTAINER ID', 'ID'],
  ['IMAGE', 'Image'],
  ['COMMAND', 'Command'],
  ['LOCAL VOLUMES', 'LocalVolumes'],
  ['SIZE', 'Size'],
  ['CREATED', 'Created'],
  ['STATUS', 'Status'],
  ['NAMES', 'Names'],
] as const
const volumeColumns = [
  ['VOLUME NAME', 'VolumeName'],
  ['LINKS', 'Links'],
  ['SIZE', 'Size'],
] as const

export function usageInDetail({ images, containers, volumes }: Omit<DiskUsage, 'sums'>, nowMs: number): string {
  const since = (epochMs: number) => (Number.isNaN(epochMs) ? '' : humanDuration(nowMs - epochMs))
  const imageRows = images.map(({ image, bytes, sharedBytes, containers: count }) => {
    const { repository, tag } = nameParts(image.names[0])
    return {
      Repository: repository,
      Tag: tag,
      ID: shortId(image.id),
      Created: since(Date.parse(image.created ?? '')),
      Size: humanSize(bytes),
      SharedSize: humanSize(sharedBytes),
      UniqueSize: humanSize(bytes - sharedBytes),
      Containers: count,
    }
  })
  const containerRows = containers.map(({ row, bytes, volumes: count }) => ({
    ID: shortId(row.id),
    Image: row.imageId === '' ? row.image : shortId(row.imageId),
    Command: row.command.join(' '),
    LocalVolumes: count,
    Size: humanSize(bytes),
    Created: since(row.createdMs),
    Status: row.status,
    Names: row.name,
  }))
  const volumeRows = volumes.map(({ name, links, bytes }) => ({
    VolumeName: name,
    Links: links,
    Size: humanSize(bytes),
  }))
  const options = { heading: true }
  return [
    ['Images', renderRows(imageColumns, imageRows, options)],
    ['Containers', renderRows(containerColumns, containerRows, options)],
    ['Local Volumes', renderRows(volumeColumns, volumeRows, options)],
  ]
    .map(([kind, table]) => `${kind} space usage:\n\n${table}`)
    .join('\n')
}
