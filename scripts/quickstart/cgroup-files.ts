// The ceilings as a sceptic reads them: /proc/PID/cgroup says which cgroup, mountinfo where it is, and then plain files.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where each controller's hierarchy is mounted; `` is cgroup2. proc_pid_mountinfo(5) */
function mountPoints(): Map<string, string> {
  const found = new Map<string, string>()
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    const [type, , options = ''] = after.split(' ')
    const mountPoint = before.split(' ')[4]!
    if (type === 'cgroup2' && !found.has('')) found.set('', mountPoint)
    if (type === 'cgroup') for (const word of options.split(',')) if (!found.has(word)) found.set(word, mountPoint)
  }
  return found
}

/** A file of a process's cgroup: its path, or undefined when that controller or file is not there. */
export function cgroupFile(pid: number | 'self', controller: string, names: readonly string[]): string | undefined {
  const mounts = mountPoints()
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n')
  const v1 = lines.find((line) => line.split(':')[1]!.split(',').includes(controller))
  const line = v1 ?? lines.find((each) => each.startsWith('0::'))
  if (line === undefined) return undefined
  const directory = join(mounts.get(v1 === undefined ? '' : controller) ?? '', line.split(':').slice(2).join(':'))
  return names.map((name) => join(directory, name)).find(existsSync)
}

export function readCgroup(pid: number | 'self', controller: string, names: readonly string[]): string | undefined {
  const path = cgroupFile(pid, controller, names)
  return path === undefined ? undefined : readFileSync(path, 'utf8').trim()
}

/** Whether the memory controller is on cgroup v2: then all that containers use is. */
export function isV2(): boolean {
  const lines = readFileSync('/proc/self/cgroup', 'utf8')
  return !/^\d+:[^:]*\bmemory\b[^:]*:/m.test(lines)
}

export interface Ceiling {
  readonly flag: string
  readonly controller: string
  readonly files: readonly string[]
  readonly expected: string
}

/** What each flag of the quickstart means to the kernel; weights as crun and runc convert them (512 shares are weight 59). */
export function ceilings(): readonly Ceiling[] {
  const bytes = String(512 * 1024 * 1024)
  const weight = {
    flag: '--blkio-weight=500',
    controller: isV2() ? 'io' : 'blkio',
    files: ['blkio.weight', 'blkio.bfq.weight', 'io.bfq.weight', 'io.weight'],
  }
  const weightIsScaled = cgroupWeightFile() === 'io.weight'
  return isV2()
    ? [
        { flag: '--memory=512m', controller: 'memory', files: ['memory.max'], expected: bytes },
        { flag: '--memory-swap=512m', controller: 'memory', files: ['memory.swap.max'], expected: '0' },
        { flag: '--cpus=1.5', controller: 'cpu', files: ['cpu.max'], expected: '150000 100000' },
        { flag: '--cpu-shares=512', controller: 'cpu', files: ['cpu.weight'], expected: '59' },
        { flag: '--pids-limit=100', controller: 'pids', files: ['pids.max'], expected: '100' },
        { ...weight, expected: weightIsScaled ? 'default 4950' : 'default 500' },
      ]
    : [
        { flag: '--memory=512m', controller: 'memory', files: ['memory.limit_in_bytes'], expected: bytes },
        { flag: '--memory-swap=512m', controller: 'memory', files: ['memory.memsw.limit_in_bytes'], expected: bytes },
        { flag: '--cpus=1.5', controller: 'cpu', files: ['cpu.cfs_quota_us'], expected: '150000' },
        { flag: '--cpus=1.5', controller: 'cpu', files: ['cpu.cfs_period_us'], expected: '100000' },
        { flag: '--cpu-shares=512', controller: 'cpu', files: ['cpu.shares'], expected: '512' },
        { flag: '--pids-limit=100', controller: 'pids', files: ['pids.max'], expected: '100' },
        { ...weight, expected: '500' },
      ]
}

function cgroupWeightFile(): string | undefined {
  return ['io.bfq.weight', 'io.weight'].find((name) => existsSync(`/sys/fs/cgroup/init.scope/${name}`))
}
