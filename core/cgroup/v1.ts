// Limits as writes to the files of cgroup v1. Sources: Documentation/admin-guide/cgroup-v1, scheduler/sched-bwc.rst.

import { UserError } from '../errors.ts'
import type { LinuxResources, LinuxThrottleDevice } from '../spec/types.ts'
import { asked } from './check.ts'
import { sharesBounds } from './convert.ts'
import type { CgroupHost } from './detect.ts'
import { deviceRules, deviceWritesV1 } from './devices.ts'
import { type FileWrite, fileWrite } from './write.ts'

/**
 * The writes for the controllers of v1, each with the name of its controller; the caller leaves out controllers that
 * live on v2. The order is right for a new cgroup, which has no limits yet.
 * @throws UserError for what v1 cannot hold
 */
export function writesV1(resources: LinuxResources, host: CgroupHost): FileWrite[] {
  return [
    ...memory(resources, host),
    ...cpu(resources),
    ...cpuset(resources),
    ...pids(resources),
    ...blockIO(resources, host),
    ...others(resources),
    ...deviceWritesV1(deviceRules(resources.devices)),
  ]
}

function memory({ memory = {} }: LinuxResources, host: CgroupHost): FileWrite[] {
  const { limit, swap, reservation, swappiness, disableOOMKiller, kernelTCP } = memory
  const writes: FileWrite[] = []
  const put = (file: string, value: number, why: string) => writes.push(fileWrite('memory', file, value, why))
  if (asked(limit)) put('memory.limit_in_bytes', limit, `limit memory to ${bytes(limit)}`)
  if (asked(swap)) {
    if (host.swapLimit !== false)
      put('memory.memsw.limit_in_bytes', swap, `limit memory and swap together to ${bytes(swap)}`)
    else if (swap > 0)
      throw new UserError(
        `memory+swap limit ${swap}: this kernel does not count swap (memory.memsw.limit_in_bytes is not there; boot with swapaccount=1)`,
      )
  }
  if (asked(reservation))
    put('memory.soft_limit_in_bytes', reservation, `reclaim first what is above ${bytes(reservation)}`)
  if (swappiness !== undefined) put('memory.swappiness', swappiness, `set the swappiness to ${swappiness}`)
  if (disableOOMKiller) put('memory.oom_control', 1, 'let tasks wait for memory instead of killing one')
  if (asked(kernelTCP)) put('memory.kmem.tcp.limit_in_bytes', kernelTCP, `limit TCP buffers to ${bytes(kernelTCP)}`)
  return writes
}

function cpu({ cpu = {} }: LinuxResources): FileWrite[] {
  const { shares, quota, period, burst, idle, realtimePeriod, realtimeRuntime } = cpu
  const writes: FileWrite[] = []
  const put = (file: string, value: number, why: string) => writes.push(fileWrite('cpu', file, value, why))
  if (asked(shares)) {
    if (shares < sharesBounds.least || shares > sharesBounds.most)
      throw new UserError(`cpu shares ${shares}: must be ${sharesBounds.least} to ${sharesBounds.most}`)
    put('cpu.shares', shares, `give the processor in ${shares} shares`)
  }
  if (asked(period)) put('cpu.cfs_period_us', period, `count processor time in periods of ${period} microseconds`)
  if (asked(quota))
    put('cpu.cfs_quota_us', Math.max(quota, -1), `limit processor time to ${quota} microseconds a period`)
  if (asked(burst)) put('cpu.cfs_burst_us', burst, `let ${burst} microseconds of unused quota be saved`)
  if (asked(realtimePeriod)) put('cpu.rt_period_us', realtimePeriod, 'set the real-time period')
  if (asked(realtimeRuntime)) put('cpu.rt_runtime_us', realtimeRuntime, 'set the real-time share')
  if (idle !== undefined) put('cpu.idle', idle, idle ? 'run only when nobody else wants to' : 'run as usual')
  return writes
}

function cpuset({ cpu = {} }: LinuxResources): FileWrite[] {
  const writes: FileWrite[] = []
  if (cpu.cpus) writes.push(fileWrite('cpuset', 'cpuset.cpus', cpu.cpus, `run on CPUs ${cpu.cpus} only`))
  if (cpu.mems) writes.push(fileWrite('cpuset', 'cpuset.mems', cpu.mems, `use memory nodes ${cpu.mems} only`))
  return writes
}

function pids({ pids }: LinuxResources): FileWrite[] {
  if (pids?.limit === undefined) return []
  const limit = pids.limit > 0 ? String(pids.limit) : 'max'
  return [fileWrite('pids', 'pids.max', limit, `limit processes and threads to ${limit}`)]
}

function blockIO({ blockIO = {} }: LinuxResources, host: CgroupHost): FileWrite[] {
  const writes: FileWrite[] = []
  const { weight, weightDevice = [] } = blockIO
  const weighted = weightDevice.filter((device) => asked(device.weight))
  if (asked(weight) || weighted.length > 0) {
    // the caller has seen to it that there is a file
    const file = host.weightFile === 'blkio.weight' ? 'blkio.weight' : 'blkio.bfq.weight'
    if (asked(weight)) writes.push(fileWrite('blkio', file, weight, `weigh block I/O with ${weight}`))
    if (weighted.length > 0)
      writes.push({
        controller: 'blkio',
        file: `${file}_device`,
        lines: weighted.map((device) => `${device.major}:${device.minor} ${device.weight}`),
        why: 'weigh block I/O per device',
      })
  }
  const throttle = (devices: readonly LinuxThrottleDevice[] | undefined, file: string, why: string) => {
    if (!devices?.length) return
    const lines = devices.map(({ major, minor, rate }) => `${major}:${minor} ${rate}`)
    writes.push({ controller: 'blkio', file: `blkio.throttle.${file}`, lines, why })
  }
  throttle(blockIO.throttleReadBpsDevice, 'read_bps_device', 'limit bytes read per second')
  throttle(blockIO.throttleWriteBpsDevice, 'write_bps_device', 'limit bytes written per second')
  throttle(blockIO.throttleReadIOPSDevice, 'read_iops_device', 'limit reads per second')
  throttle(blockIO.throttleWriteIOPSDevice, 'write_iops_device', 'limit writes per second')
  return writes
}

function others({ hugepageLimits = [], rdma, network }: LinuxResources): FileWrite[] {
  const writes: FileWrite[] = []
  for (const { pageSize, limit } of hugepageLimits) {
    const why = `limit ${pageSize} huge pages to ${bytes(limit)}`
    writes.push(fileWrite('hugetlb', `hugetlb.${pageSize}.limit_in_bytes`, limit, why))
    // reservations are counted since 5.7
    writes.push({ ...fileWrite('hugetlb', `hugetlb.${pageSize}.rsvd.limit_in_bytes`, limit, why), optional: true })
  }
  writes.push(...rdmaWrites(rdma))
  if (network?.classID !== undefined)
    writes.push(fileWrite('net_cls', 'net_cls.classid', network.classID, 'mark packets for tc'))
  if (network?.priorities?.length)
    writes.push({
      controller: 'net_prio',
      file: 'net_prio.ifpriomap',
      lines: network.priorities.map(({ name, priority }) => `${name} ${priority}`),
      why: 'set priorities per network interface',
    })
  return writes
}

/** rdma.max, which is the same on v1 and v2. */
export function rdmaWrites(rdma: LinuxResources['rdma']): FileWrite[] {
  const lines = Object.entries(rdma ?? {}).map(([device, { hcaHandles, hcaObjects }]) =>
    [
      device,
      ...(hcaHandles === undefined ? [] : [`hca_handle=${hcaHandles}`]),
      ...(hcaObjects === undefined ? [] : [`hca_object=${hcaObjects}`]),
    ].join(' '),
  )
  return lines.length === 0
    ? []
    : [{ controller: 'rdma', file: 'rdma.max', lines, why: 'limit RDMA handles and objects' }]
}

function bytes(value: number): string {
  return value < 0 ? 'any amount' : `${value} bytes`
}
