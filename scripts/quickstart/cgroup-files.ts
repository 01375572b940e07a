// The ceilings as a sceptic reads them: /proc/PID/cgroup says which cgroup, mountinfo where it is, and then plain files.

import { join } from 'node:path/posix'
import { isSimulated, readAll } from './place.ts'

/** Where each controller's hierarchy is mounted; `` is cgroup2. proc_pid_mountinfo(5) */
function mountPoints(mountinfo: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    const [type, , options = ''] = after.split(' ')
    const mountPoint = before.split(' ')[4]!
    if (type === 'cgroup2' && !found.has('')) found.set('', mountPoint)
    if (type === 'cgroup') for (const word of options.split(',')) if (!found.has(word)) found.set(word, mountPoint)
  }
  return found
}

/** Looking at a simulated machine takes a command, and nothing moves there while the quickstart looks. */
const placeOf = new Map<number | 'self', readonly [mounts: Map<string, string>, lines: readonly string[]]>()

function place(pid: number | 'self') {
  const paths = ['/proc/self/mountinfo', `/proc/${pid}/cgroup`] as const
  const known = placeOf.get(pid)
  if (known && isSimulated) return known
  const texts = readAll(paths)
  const read = [mountPoints(texts.get(paths[0]) ?? ''), (texts.get(paths[1]) ?? '').trim().split('\n')] as const
  placeOf.set(pid, read)
  return read
}

/** The directory of a process's cgroup of a controller; undefined when that is not there. */
function cgroupDirectory(pid: number | 'self', controller: string): string | undefined {
  const [mounts, lines] = place(pid)
  const v1 = lines.find((line) => line.split(':')[1]!.split(',').includes(controller))
  const line = v1 ?? lines.find((each) => each.startsWith('0::'))
  if (line === undefined) return undefined
  return join(mounts.get(v1 === undefined ? '' : controller) ?? '', line.split(':').slice(2).join(':'))
}

/** The first file that there is of some in a process's cgroup: its name, its path and what is in it. */
export function cgroupFile(pid: number | 'self', controller: string, names: readonly string[]) {
  const directory = cgroupDirectory(pid, controller)
  if (directory === undefined) return undefined
  const found = readAll(names.map((name) => join(directory, name)))
  const name = names.find((each) => found.has(join(directory, each)))
  if (name === undefined) return undefined
  const path = join(directory, name)
  return { name, path, content: found.get(path)!.trim() }
}

export const readCgroup = (pid: number | 'self', controller: string, names: readonly string[]): string | undefined =>
  cgroupFile(pid, controller, names)?.content

/** Whether the memory controller is on cgroup v2: then all that containers use is. */
export function isV2(): boolean {
  return !place('self')[1].some((line) => /^\d+:[^:]*\bmemory\b[^:]*:/.test(line))
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
  const paths = ['io.bfq.weight', 'io.weight'].map((name) => `/sys/fs/cgroup/init.scope/${name}`)
  const found = readAll(paths)
  return paths
    .find((path) => found.has(path))
    ?.split('/')
    .at(-1)
}
