// The files blkio.* of version 1. cgroup-v1/blkio-controller.rst

import type { CgroupFile } from '../cgroup/controller.ts'
import { deny, isDenied } from '../outcome.ts'
import type { Disks } from './disks.ts'
import { writeBfqWeight } from './files.ts'
import type { DeviceName, IoGroup, LimitKey, Transferred } from './group.ts'

type File = CgroupFile<IoGroup>

/** `8:0 1048576`; 0 takes the limit away. */
function limit(disks: Disks, name: string, key: LimitKey): File {
  return {
    name,
    read: ({ state }) =>
      [...state.limits]
        .filter(([, limits]) => limits[key] !== undefined)
        .map(([device, limits]) => `${device} ${limits[key]}\n`)
        .join(''),
    write: ({ state }, text) => {
      const parsed = disks.parse(text, 'V1-010', name)
      if (isDenied(parsed)) return parsed
      if (!/^[0-9]+/.test(parsed.rest)) return deny('EINVAL', 'V1-010', `${name}: MAJ:MIN and a number`)
      const value = Number.parseInt(parsed.rest, 10)
      const limits = { ...state.limits.get(parsed.device) }
      if (value === 0) delete limits[key]
      else limits[key] = value
      if (Object.keys(limits).length === 0) state.limits.delete(parsed.device)
      else state.limits.set(parsed.device, limits)
      return undefined
    },
  }
}

function stat(name: string, of: 'own' | 'total', unit: 'bytes' | 'count'): File {
  return {
    name,
    read: ({ state }) => {
      let sum = 0
      let text = ''
      for (const [device, so] of state[of]) {
        text += lines(device, so, unit)
        sum += unit === 'bytes' ? so.readBytes + so.writtenBytes : so.reads + so.writes
      }
      return `${text}Total ${sum}\n`
    },
  }
}

function lines(device: DeviceName, so: Transferred, unit: 'bytes' | 'count'): string {
  const [read, written] = unit === 'bytes' ? [so.readBytes, so.writtenBytes] : [so.reads, so.writes]
  const parts = { Read: read, Write: written, Sync: read + written, Async: 0, Discard: 0, Total: read + written }
  return Object.entries(parts)
    .map(([kind, value]) => `${device} ${kind} ${value}\n`)
    .join('')
}

export function ioLegacyFiles(disks: Disks): readonly File[] {
  return [
    limit(disks, 'blkio.throttle.read_bps_device', 'rbps'),
    limit(disks, 'blkio.throttle.write_bps_device', 'wbps'),
    limit(disks, 'blkio.throttle.read_iops_device', 'riops'),
    limit(disks, 'blkio.throttle.write_iops_device', 'wiops'),
    stat('blkio.throttle.io_service_bytes', 'own', 'bytes'),
    stat('blkio.throttle.io_service_bytes_recursive', 'total', 'bytes'),
    stat('blkio.throttle.io_serviced', 'own', 'count'),
    stat('blkio.throttle.io_serviced_recursive', 'total', 'count'),
    {
      name: 'blkio.bfq.weight',
      where: 'notRoot',
      read: ({ state }) => `${state.bfqWeight}\n`,
      write: ({ state }, text) => writeBfqWeight(disks, state, text, 'blkio.bfq.weight'),
    },
    {
      name: 'blkio.bfq.weight_device',
      where: 'notRoot',
      read: ({ state }) => [...state.bfqWeights].map(([device, weight]) => `${device} ${weight}\n`).join(''),
      write: ({ state }, text) => writeBfqWeight(disks, state, text, 'blkio.bfq.weight_device'),
    },
    {
      name: 'blkio.reset_stats',
      write: ({ state }) => {
        state.own.clear()
        return undefined
      },
    },
  ]
}
