// list: one line for each container, and which of them a filter means.

import { UserError } from '../errors.ts'
import type { Phase } from '../lifecycle/phases.ts'
import { argsOf } from '../spec/from-request.ts'
import { volumesOf } from '../spec/mounts.ts'
import type { PortMapping } from '../spec/request.ts'
import { phaseOf, type Stored } from '../store/record.ts'
import type { Host, Settings } from './host.ts'
import { lookAtAll, lookUp } from './open.ts'
import type { ContainerRow, Filters, ListOptions, Status, Verbs } from './types.ts'

const statuses: Readonly<Record<Phase, Status>> = {
  creating: 'creating',
  created: 'created',
  starting: 'creating',
  running: 'running',
  paused: 'paused',
  stopped: 'exited',
  deleted: 'unknown',
}

/** podman's word for a container's phase: one that has never run is `created`, also when a start has failed. */
export function statusOf({ state }: Pick<Stored, 'state'>): Status {
  const phase = phaseOf(state)
  return phase === 'stopped' && state.ending === undefined ? 'created' : statuses[phase]
}

/** The ports in force, with those that the host has chosen. */
export function portsOf({ record, state }: Stored): readonly PortMapping[] {
  const ports = state.network?.ports
  if (ports === undefined) return record.request.publish
  return ports.map(({ hostIp, ...port }) => (hostIp === '' ? port : { hostIp, ...port }))
}

export function networkName({ record: { request } }: Stored): string {
  const { network } = request
  if (network.kind === 'container') return `container:${network.container}`
  if (network.kind === 'path') return `ns:${network.path}`
  return network.kind === 'private' ? 'bridge' : network.kind
}

export function imageName({ record: { request, image } }: Stored): string {
  if (request.source.kind === 'image') return image?.name ?? request.source.reference
  return `${request.source.path}${request.source.overlay ? ':O' : ''}`
}

export function rowOf(stored: Stored): ContainerRow {
  const { record, state } = stored
  const { request } = record
  const runs = state.process !== undefined
  const volumes = volumesOf(request, record.image?.config)
  return {
    id: record.id,
    name: record.name,
    image: imageName(stored),
    imageId: record.image?.id ?? '',
    command: argsOf({ ...request, init: false }, record.image?.config),
    status: statusOf(stored),
    pid: runs ? state.process.pid : 0,
    exitCode: runs ? 0 : (state.ending?.code ?? 0),
    oomKilled: state.ending?.oomKilled ?? false,
    createdMs: record.createdMs,
    ...(state.startedMs === undefined ? {} : { startedMs: state.startedMs }),
    ...(runs || state.ending === undefined ? {} : { exitedMs: state.ending.atMs }),
    ports: portsOf(stored),
    network: networkName(stored),
    labels: { ...record.image?.config.config?.Labels, ...request.labels },
    mounts: volumes.map((volume) => volume.destination),
    volumes: volumes.flatMap(({ source }) => source ?? []),
    remove: request.remove,
  }
}

/** Containers, newest first. podman-ps(1). */
export async function list(host: Host, settings: Settings, options: ListOptions): Promise<readonly ContainerRow[]> {
  const rows = (await lookAtAll(host, settings)).map(rowOf)
  const keep = await filterFor(host, settings, options.filters)
  return rows
    .filter((row) => (options.all || row.status === 'running' || row.status === 'paused') && keep(row))
    .sort((a, b) => b.createdMs - a.createdMs)
}

async function filterFor(host: Host, settings: Settings, filters: Filters): Promise<(row: ContainerRow) => boolean> {
  const limits = { before: [] as number[], since: [] as number[] }
  for (const key of ['before', 'since'] as const)
    for (const container of filters[key] ?? [])
      limits[key].push((await lookUp(host, settings, container)).record.createdMs)
  return (row) =>
    Object.entries(filters).every(([key, values]) =>
      values.some((value, index) => matches(row, key as keyof Filters, value, limits, index)),
    )
}

function matches(
  row: ContainerRow,
  key: keyof Filters,
  value: string,
  limits: { readonly before: readonly number[]; readonly since: readonly number[] },
  index: number,
): boolean {
  switch (key) {
    case 'id':
      return row.id.startsWith(value)
    case 'name':
      return new RegExp(value).test(row.name)
    case 'status':
      return row.status === (value === 'stopped' ? 'exited' : value)
    case 'label': {
      const equals = value.indexOf('=')
      const [name, wanted] = equals < 0 ? [value, undefined] : [value.slice(0, equals), value.slice(equals + 1)]
      return Object.hasOwn(row.labels, name) && (wanted === undefined || row.labels[name] === wanted)
    }
    case 'ancestor':
      return row.imageId.startsWith(value) || row.image === value || row.image.split(':')[0]!.endsWith(`/${value}`)
    case 'exited':
      return row.status === 'exited' && row.exitCode === Number(value)
    case 'before':
      return row.createdMs < limits.before[index]!
    case 'since':
      return row.createdMs > limits.since[index]!
    case 'volume':
      return row.mounts.includes(value) || row.volumes.includes(value)
    case 'network':
      return row.network === value
    default:
      throw new UserError(`--filter=${key}: unknown filter`)
  }
}

list satisfies Verbs['list']
