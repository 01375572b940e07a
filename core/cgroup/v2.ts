// Limits as writes to the files of cgroup v2. Source: Documentation/admin-guide/cgroup-v2.rst.

import { UserError } from '../errors.ts'
import type { LinuxResources } from '../spec/types.ts'
import { asked } from './check.ts'
import { ioWeightFromBlockIOWeight, limitText, swapMax, weightFromShares } from './convert.ts'
import type { CgroupHost } from './detect.ts'
import { rdmaWrites } from './v1.ts'
import { type FileWrite, fileWrite } from './write.ts'

/** Microseconds: the kernel's period for cpu.max. */
const defaultPeriod = 100000

/**
 * The writes for the controllers of v2, each with the name of its controller; the caller leaves out controllers that
 * live on v1. Devices are no files on v2 (see device-bpf.ts).
 * @param memoryLimit - bytes, the limit in force when `resources` has none: needed to tell swap from memory+swap
 * @throws UserError for what v2 cannot hold
 */
export function writesV2(resources: LinuxResources, host: CgroupHost, memoryLimit?: number): FileWrite[] {
  return [
    ...memory(resources, host, memoryLimit),
    ...cpu(resources),
    ...pids(resources),
    ...blockIO(resources, host),
    ...others(resources),
    ...unified(resources),
  ]
}

function memory({ memory = {} }: LinuxResources, host: CgroupHost, memoryLimit?: number): FileWrite[] {
  const { limit, reservation, swappiness, disableOOMKiller, kernelTCP } = memory
  if (disableOOMKiller)
    throw new UserError('disabling the OOM killer: cgroup v2 cannot (only v1 has memory.oom_control)')
  if (swappiness !== undefined)
    throw new UserError('memory swappiness: cgroup v2 has none (only v1 has memory.swappiness)')
  if (asked(kernelTCP))
    throw new UserError('kernel TCP memory limit: cgroup v2 has none (the memory limit includes TCP buffers)')
  const writes: FileWrite[] = []
  const swap = swapMax(asked(limit) ? limit : memoryLimit, memory.swap)
  if (swap !== undefined) {
    const write = fileWrite('memory', 'memory.swap.max', swap, `limit swap to ${swap} bytes`)
    // without swap in the kernel, none and all are both what there is
    if (swap === 'max' || swap === '0') writes.push({ ...write, optional: true })
    else if (host.swapLimit !== false) writes.push(write)
    else
      throw new UserError(
        `memory+swap limit ${memory.swap}: this kernel has no swap (memory.swap.max is not there); leave it away`,
      )
  }
  if (asked(limit))
    writes.push(fileWrite('memory', 'memory.max', limitText(limit), `limit memory to ${limitText(limit)} bytes`))
  if (asked(reservation))
    writes.push(
      fileWrite('memory', 'memory.low', limitText(reservation), `protect ${limitText(reservation)} bytes from reclaim`),
    )
  return writes
}

function cpu({ cpu = {} }: LinuxResources): FileWrite[] {
  const { shares, quota, period, burst, idle } = cpu
  for (const name of ['realtimePeriod', 'realtimeRuntime'] as const)
    if (asked(cpu[name]))
      throw new UserError(`cpu ${name}: cgroup v2 has none (only v1 has cpu.rt_period_us, cpu.rt_runtime_us)`)
  const writes: FileWrite[] = []
  if (asked(shares)) {
    const weight = weightFromShares(shares)
    writes.push(fileWrite('cpu', 'cpu.weight', weight, `weigh the processor with ${weight}, for ${shares} shares`))
  }
  if (idle !== undefined)
    writes.push(fileWrite('cpu', 'cpu.idle', idle, idle ? 'run only when nobody else wants to' : 'run as usual'))
  if (asked(quota) || asked(period)) {
    const text = `${asked(quota) ? limitText(quota) : 'max'} ${asked(period) ? period : defaultPeriod}`
    writes.push(fileWrite('cpu', 'cpu.max', text, 'limit processor time: microseconds, of each period'))
  }
  if (asked(burst))
    writes.push(fileWrite('cpu', 'cpu.max.burst', burst, `let ${burst} microseconds of unused quota be saved`))
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
  const { weight, weightDevice = [] } = blockIO
  const devices = weightDevice.filter((device) => asked(device.weight))
  const writes: FileWrite[] = []
  if (asked(weight) || devices.length > 0) {
    const write = (file: string, convert: (weight: number) => number): FileWrite => ({
      controller: 'io',
      file,
      lines: [
        ...(asked(weight) ? [String(convert(weight))] : []),
        ...devices.map((device) => `${device.major}:${device.minor} ${convert(device.weight!)}`),
      ],
      why: `weigh block I/O${asked(weight) ? ` with ${weight}` : ' per device'} (kernels without the bfq scheduler or iocost have neither io.bfq.weight nor io.weight)`,
    })
    const bfq = write('io.bfq.weight', (given) => given)
    const plain = write('io.weight', ioWeightFromBlockIOWeight)
    if (host.weightFile === 'io.weight') writes.push(plain)
    else writes.push(host.weightFile === 'io.bfq.weight' ? bfq : { ...bfq, otherwise: plain })
  }
  // one line per device: what a line does not name stays as it is
  const lines = new Map<string, string[]>()
  for (const [key, throttled] of [
    ['rbps', blockIO.throttleReadBpsDevice],
    ['wbps', blockIO.throttleWriteBpsDevice],
    ['riops', blockIO.throttleReadIOPSDevice],
    ['wiops', blockIO.throttleWriteIOPSDevice],
  ] as const)
    for (const { major, minor, rate } of throttled ?? []) {
      const device = `${major}:${minor}`
      lines.set(device, [...(lines.get(device) ?? [device]), `${key}=${rate === 0 ? 'max' : rate}`])
    }
  if (lines.size > 0)
    writes.push({
      controller: 'io',
      file: 'io.max',
      lines: [...lines.values()].map((line) => line.join(' ')),
      why: 'limit block I/O per second',
    })
  return writes
}

function others({ hugepageLimits = [], rdma, network }: LinuxResources): FileWrite[] {
  if (network?.classID !== undefined || network?.priorities?.length)
    throw new UserError('network class and priorities: cgroup v2 has none (only v1 has net_cls and net_prio)')
  return [
    ...hugepageLimits.flatMap(({ pageSize, limit }): FileWrite[] => {
      const why = `limit ${pageSize} huge pages to ${limitText(limit)} bytes`
      return [
        fileWrite('hugetlb', `hugetlb.${pageSize}.max`, limitText(limit), why),
        { ...fileWrite('hugetlb', `hugetlb.${pageSize}.rsvd.max`, limitText(limit), why), optional: true },
      ]
    }),
    ...rdmaWrites(rdma),
  ]
}

/** `unified` names the files itself: CONTROLLER.NAME, line by line. */
function unified({ unified = {} }: LinuxResources): FileWrite[] {
  return Object.entries(unified).map(([file, text]) => {
    if (!/^[a-z][a-z0-9_]*\.[^/]+$/.test(file))
      throw new UserError(`cgroup file ${file}: must be a file name like memory.high`)
    return {
      controller: file.slice(0, file.indexOf('.')),
      file,
      lines: text.split('\n').filter((line) => line !== ''),
      why: `set ${file} as asked`,
    }
  })
}
