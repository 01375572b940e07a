// Reading the cgroup mounts out of mountinfo.

import { describe, expect, it } from 'vitest'
import { cgroupMounts, whereIs } from '../../../core/cgroup/detect.ts'
import { hybridHost, v2Host } from '../../support/cgroup-hosts.ts'

describe('the cgroup mounts in mountinfo', () => {
  it('finds cgroup2 alone', () => {
    expect(cgroupMounts('38 19 0:35 / /sys/fs/cgroup rw,relatime shared:8 - cgroup2 cgroup2 rw,nsdelegate\n')).toEqual({
      hierarchies: [],
      unifiedMountPoint: '/sys/fs/cgroup',
    })
  })

  it('takes controllers, together and alone, and names, but no options', () => {
    const text = [
      '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755',
      '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
      '34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset,clone_children',
      '40 31 0:37 / /sys/fs/cgroup/systemd rw shared:9 - cgroup cgroup rw,xattr,release_agent=/lib/agent,name=systemd',
      '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
    ].join('\n')
    expect(cgroupMounts(text)).toEqual({
      hierarchies: [
        { mountPoint: '/sys/fs/cgroup/cpu,cpuacct', controllers: ['cpu', 'cpuacct'] },
        { mountPoint: '/sys/fs/cgroup/cpuset', controllers: ['cpuset'] },
        { mountPoint: '/sys/fs/cgroup/systemd', controllers: ['name=systemd'] },
      ],
      unifiedMountPoint: '/sys/fs/cgroup/unified',
    })
  })

  it('takes the first of several mounts of one hierarchy', () => {
    const text = ['1 0 0:29 / /a rw - cgroup cgroup rw,memory', '2 0 0:29 / /b rw - cgroup cgroup rw,memory'].join('\n')
    expect(cgroupMounts(text).hierarchies).toEqual([{ mountPoint: '/a', controllers: ['memory'] }])
  })

  it('undoes the escapes of odd mount points', () => {
    expect(cgroupMounts('1 0 0:35 / /my\\040groups rw - cgroup2 none rw').unifiedMountPoint).toBe('/my groups')
  })

  it('is not misled by a file system that is only called cgroup', () => {
    expect(cgroupMounts('1 0 0:35 / /cgroup rw - tmpfs cgroup rw,memory')).toEqual({
      hierarchies: [],
      unifiedMountPoint: undefined,
    })
  })
})

describe('where a controller lives', () => {
  it('is a v1 hierarchy, cgroup2, or nowhere', () => {
    expect(whereIs(hybridHost, 'cpuacct')).toBe(hybridHost.hierarchies[0])
    expect(whereIs(hybridHost, 'hugetlb')).toBe('unified')
    expect(whereIs(hybridHost, 'misc')).toBeUndefined()
    expect(whereIs(v2Host, 'memory')).toBe('unified')
  })
})
