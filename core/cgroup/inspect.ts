// The limits in force on a container's cgroups: file names and contents.

import { list, readTextIfThere } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import type { CgroupPaths } from './paths.ts'

export interface LimitInForce {
  readonly controller: string
  /** Absolute. */
  readonly path: string
  readonly file: string
  /** Without the last newline. */
  readonly content: string
}

/** The files that hold limits, per v1 controller and for v2. */
const limitFiles: Readonly<Record<string, RegExp>> = {
  memory:
    /^memory\.(limit_in_bytes|memsw\.limit_in_bytes|soft_limit_in_bytes|swappiness|kmem\.tcp\.limit_in_bytes|oom_control)$/,
  cpu: /^cpu\.(shares|cfs_quota_us|cfs_period_us|cfs_burst_us|idle)$/,
  cpuset: /^cpuset\.(cpus|mems)$/,
  pids: /^pids\.max$/,
  blkio: /^blkio\.((bfq\.)?weight(_device)?|throttle\.(read|write)_(bps|iops)_device)$/,
  devices: /^devices\.list$/,
  hugetlb: /^hugetlb\.\w+\.(rsvd\.)?limit_in_bytes$/,
  rdma: /^rdma\.max$/,
  net_cls: /^net_cls\.classid$/,
  net_prio: /^net_prio\.ifpriomap$/,
  '': /^(memory\.(min|low|high|max|swap\.(high|max)|oom\.group)|cpu\.(weight|max|max\.burst|idle)|cpuset\.(cpus|mems)|pids\.max|io\.(max|weight|bfq\.weight)|hugetlb\.\w+\.(rsvd\.)?max|rdma\.max|misc\.max)$/,
}

/** The limits in force: every limit file that is there, with its content. */
export function readLimits(kernel: Kernel, paths: CgroupPaths): LimitInForce[] {
  const places = [...Object.entries(paths.v1), ['', paths.unified] as const]
  return places.flatMap(([place, directory]) => {
    const files = limitFiles[place]
    if (directory === undefined || files === undefined) return []
    return list(kernel, directory)
      .filter((file) => files.test(file))
      .flatMap((file) => {
        const path = `${directory}/${file}`
        const content = readTextIfThere(kernel, path, ['ENOENT', 'ENODEV', 'EOPNOTSUPP', 'EIO'])
        if (content === undefined) return []
        return [{ controller: file.slice(0, file.indexOf('.')), path, file, content: content.trimEnd() }]
      })
  })
}
