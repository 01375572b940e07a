// The steps that make a container's cgroups, as they stand in the plan.

import { describe, expect, it } from 'vitest'
import { enterCgroup } from '../../../core/cgroup/join.ts'
import { cgroupPaths } from '../../../core/cgroup/paths.ts'
import { planCgroup } from '../../../core/cgroup/plan.ts'
import { hybridHost, printed, v1Host, v2Host } from '../../support/cgroup-hosts.ts'

const path = '/vitrine/web'
const limits = {
  memory: { limit: 67108864, swap: 134217728 },
  cpu: { shares: 512, quota: 50000 },
  pids: { limit: 32 },
}

describe('a cgroup on v2', () => {
  const plan = planCgroup(path, limits, v2Host)

  it('enables the controllers in the parent, makes the cgroup, and writes the limits', () => {
    expect(printed(plan.create)).toMatchInlineSnapshot(`
      [
        "open /sys/fs/cgroup/vitrine/cgroup.subtree_control as parent (or ENOENT)",
        "  otherwise",
        "    open /sys/fs/cgroup/cgroup.subtree_control as enable:0 (or EACCES,EPERM,EROFS)",
        "      then",
        "        write enable:0: +cpu +io +memory +pids (or EACCES,EPERM,EBUSY,ENOENT)",
        "        close enable:0",
        "    mkdir /sys/fs/cgroup/vitrine (or EEXIST)",
        "    open /sys/fs/cgroup/vitrine/cgroup.subtree_control as parent",
        "write parent: +cpu +io +memory +pids (or ENOENT,ENODEV)",
        "  otherwise",
        "    open /sys/fs/cgroup/cgroup.subtree_control as enable:0 (or EACCES,EPERM,EROFS)",
        "      then",
        "        write enable:0: +cpu +io +memory +pids (or EACCES,EPERM,EBUSY,ENOENT)",
        "        close enable:0",
        "    write parent: +cpu +io +memory +pids (or ENODEV)",
        "close parent",
        "mkdir /sys/fs/cgroup/vitrine/web (or ENOENT)",
        "  otherwise",
        "    open /sys/fs/cgroup/cgroup.subtree_control as enable:0 (or EACCES,EPERM,EROFS)",
        "      then",
        "        write enable:0: +cpu +io +memory +pids (or EACCES,EPERM,EBUSY,ENOENT)",
        "        close enable:0",
        "    mkdir /sys/fs/cgroup/vitrine (or EEXIST)",
        "    open /sys/fs/cgroup/vitrine/cgroup.subtree_control as parent",
        "    write parent: +cpu +io +memory +pids",
        "    close parent",
        "    mkdir /sys/fs/cgroup/vitrine/web",
        "open /sys/fs/cgroup/vitrine/web as cgroup",
        "open cgroup: memory.swap.max as cgroup:memory.swap.max",
        "write cgroup:memory.swap.max: 67108864",
        "close cgroup:memory.swap.max",
        "open cgroup: memory.max as cgroup:memory.max",
        "write cgroup:memory.max: 67108864",
        "close cgroup:memory.max",
        "open cgroup: cpu.weight as cgroup:cpu.weight",
        "write cgroup:cpu.weight: 59",
        "close cgroup:cpu.weight",
        "open cgroup: cpu.max as cgroup:cpu.max",
        "write cgroup:cpu.max: 50000 100000",
        "close cgroup:cpu.max",
        "open cgroup: pids.max as cgroup:pids.max",
        "write cgroup:pids.max: 32",
        "close cgroup:pids.max",
      ]
    `)
  })

  it('is entered at birth', () => {
    expect(plan.join).toEqual([])
    expect(plan.into).toBe('cgroup')
    expect(plan.paths).toEqual({ path, v1: {}, unified: '/sys/fs/cgroup/vitrine/web' })
    expect(plan.oomFile).toBe('/sys/fs/cgroup/vitrine/web/memory.events')
  })

  it('can be undone', () => {
    expect(plan.create.flatMap((step) => (step.undo ? [step.undo] : []))).toEqual([
      { name: 'unlinkat', dirfd: -100, pathname: '/sys/fs/cgroup/vitrine/web', flags: 0x200 },
    ])
  })

  it('enables rarer controllers only when a limit needs them', () => {
    const cpuset = printed(planCgroup(path, { cpu: { cpus: '0' } }, v2Host).create)
    expect(cpuset).toContain('write parent: +cpuset +cpu +io +memory +pids (or ENOENT,ENODEV)')
    expect(cpuset).toContain('open cgroup: cpuset.cpus as cgroup:cpuset.cpus')
  })

  it('holds devices with a program, which is gone from the runtime once it is attached', () => {
    const steps = printed(planCgroup(path, { devices: [{ allow: false }] }, v2Host).create)
    expect(steps.slice(-3)).toEqual(['bpf as device program', 'bpf', 'close device program'])
  })

  it("belongs to the container's root when that is another user", () => {
    expect(printed(planCgroup(path, {}, v2Host, { owner: { uid: 100000, gid: 100001 } }).create).slice(-4)).toEqual([
      'chown cgroup: . 100000:100001',
      'chown cgroup: cgroup.procs 100000:100001',
      'chown cgroup: cgroup.subtree_control 100000:100001',
      'chown cgroup: cgroup.threads 100000:100001',
    ])
  })

  it('tries the other weight file when the host could not tell', () => {
    expect(printed(planCgroup(path, { blockIO: { weight: 500 } }, v2Host).create).slice(-8)).toEqual(
      [
        'open cgroup: io.bfq.weight as cgroup:io.bfq.weight (or ENOENT)',
        '  then',
        '    write cgroup:io.bfq.weight: 500',
        '    close cgroup:io.bfq.weight',
        '  otherwise',
        '    open cgroup: io.weight as cgroup:io.weight',
        '    write cgroup:io.weight: 4950',
        '    close cgroup:io.weight',
      ].slice(-8),
    )
  })
})

describe('a cgroup on a hybrid host', () => {
  const plan = planCgroup(path, limits, hybridHost)

  it('is made in every hierarchy', () => {
    expect(printed(plan.create).filter((line) => /^\S/.test(line))).toMatchInlineSnapshot(`
      [
        "mkdir /sys/fs/cgroup/cpu,cpuacct/vitrine/web (or ENOENT)",
        "open /sys/fs/cgroup/cpu,cpuacct/vitrine/web/cpu.shares as cgroup:cpu.shares",
        "write cgroup:cpu.shares: 512",
        "close cgroup:cpu.shares",
        "open /sys/fs/cgroup/cpu,cpuacct/vitrine/web/cpu.cfs_quota_us as cgroup:cpu.cfs_quota_us",
        "write cgroup:cpu.cfs_quota_us: 50000",
        "close cgroup:cpu.cfs_quota_us",
        "mkdir /sys/fs/cgroup/cpuset/vitrine/web (or ENOENT)",
        "mkdir /sys/fs/cgroup/memory/vitrine/web (or ENOENT)",
        "open /sys/fs/cgroup/memory/vitrine/web/memory.limit_in_bytes as cgroup:memory.limit_in_bytes",
        "write cgroup:memory.limit_in_bytes: 67108864",
        "close cgroup:memory.limit_in_bytes",
        "open /sys/fs/cgroup/memory/vitrine/web/memory.memsw.limit_in_bytes as cgroup:memory.memsw.limit_in_bytes",
        "write cgroup:memory.memsw.limit_in_bytes: 134217728",
        "close cgroup:memory.memsw.limit_in_bytes",
        "mkdir /sys/fs/cgroup/devices/vitrine/web (or ENOENT)",
        "mkdir /sys/fs/cgroup/freezer/vitrine/web (or ENOENT)",
        "mkdir /sys/fs/cgroup/blkio/vitrine/web (or ENOENT)",
        "mkdir /sys/fs/cgroup/pids/vitrine/web (or ENOENT)",
        "open /sys/fs/cgroup/pids/vitrine/web/pids.max as cgroup:pids.max",
        "write cgroup:pids.max: 32",
        "close cgroup:pids.max",
        "mkdir /sys/fs/cgroup/systemd/vitrine/web (or ENOENT)",
        "mkdir /sys/fs/cgroup/unified/vitrine/web (or ENOENT)",
        "open /sys/fs/cgroup/unified/vitrine/web as cgroup",
      ]
    `)
  })

  it('makes the parent when it is missing, with a cpuset that children copy', () => {
    const cpuset = plan.create.find(({ call }) => call.name === 'mkdirat' && call.pathname?.includes('cpuset'))!
    expect(printed([cpuset])).toMatchInlineSnapshot(`
      [
        "mkdir /sys/fs/cgroup/cpuset/vitrine/web (or ENOENT)",
        "  otherwise",
        "    mkdir /sys/fs/cgroup/cpuset/vitrine (or EEXIST)",
        "    open /sys/fs/cgroup/cpuset/vitrine/cpuset.cpus as cgroup:cpuset.cpus",
        "    write cgroup:cpuset.cpus: 0-3",
        "    close cgroup:cpuset.cpus",
        "    open /sys/fs/cgroup/cpuset/vitrine/cpuset.mems as cgroup:cpuset.mems",
        "    write cgroup:cpuset.mems: 0",
        "    close cgroup:cpuset.mems",
        "    open /sys/fs/cgroup/cpuset/vitrine/cgroup.clone_children as cgroup:cgroup.clone_children",
        "    write cgroup:cgroup.clone_children: 1",
        "    close cgroup:cgroup.clone_children",
        "    mkdir /sys/fs/cgroup/cpuset/vitrine/web (or ENOENT)",
        "      otherwise",
        "        mkdir /sys/fs/cgroup/cpuset/vitrine (or EEXIST)",
        "        open /sys/fs/cgroup/cpuset/vitrine/cpuset.cpus as cgroup:cpuset.cpus",
        "        write cgroup:cpuset.cpus: 0-3",
        "        close cgroup:cpuset.cpus",
        "        open /sys/fs/cgroup/cpuset/vitrine/cpuset.mems as cgroup:cpuset.mems",
        "        write cgroup:cpuset.mems: 0",
        "        close cgroup:cpuset.mems",
        "        open /sys/fs/cgroup/cpuset/vitrine/cgroup.clone_children as cgroup:cgroup.clone_children",
        "        write cgroup:cgroup.clone_children: 1",
        "        close cgroup:cgroup.clone_children",
        "        mkdir /sys/fs/cgroup/cpuset/vitrine/web",
      ]
    `)
  })

  it('is entered by the child itself, through `tasks`, and at birth where there is cgroup2', () => {
    expect(printed(plan.join).filter((line) => /^\S/.test(line))).toMatchInlineSnapshot(`
      [
        "open /sys/fs/cgroup/cpu,cpuacct/vitrine/web/tasks as tasks:cpu",
        "write tasks:cpu: 0",
        "open /sys/fs/cgroup/cpuset/vitrine/web/tasks as tasks:cpuset",
        "write tasks:cpuset: 0 (or ENOSPC)",
        "open /sys/fs/cgroup/memory/vitrine/web/tasks as tasks:memory",
        "write tasks:memory: 0",
        "open /sys/fs/cgroup/devices/vitrine/web/tasks as tasks:devices",
        "write tasks:devices: 0",
        "open /sys/fs/cgroup/freezer/vitrine/web/tasks as tasks:freezer",
        "write tasks:freezer: 0",
        "open /sys/fs/cgroup/blkio/vitrine/web/tasks as tasks:blkio",
        "write tasks:blkio: 0",
        "open /sys/fs/cgroup/pids/vitrine/web/tasks as tasks:pids",
        "write tasks:pids: 0",
        "open /sys/fs/cgroup/systemd/vitrine/web/tasks as tasks:name=systemd",
        "write tasks:name=systemd: 0",
      ]
    `)
    expect(plan.into).toBe('cgroup')
    expect(plan.oomFile).toBe('/sys/fs/cgroup/memory/vitrine/web/memory.oom_control')
  })

  it('puts a limit where its controller lives', () => {
    const steps = printed(
      planCgroup(path, { hugepageLimits: [{ pageSize: '2MB', limit: 4194304 }] }, hybridHost).create,
    )
    expect(steps).toContain('open cgroup: hugetlb.2MB.max as cgroup:hugetlb.2MB.max')
    expect(steps).toContain('write parent: +hugetlb (or ENOENT,ENODEV)')
  })

  it('can be undone in every hierarchy', () => {
    const undone = plan.create.flatMap(({ undo }) => (undo?.name === 'unlinkat' ? [undo.pathname] : []))
    expect(undone.sort()).toEqual([...new Set([...Object.values(plan.paths.v1), plan.paths.unified])].sort())
  })
})

describe('a cgroup on a v1 host', () => {
  it('needs no descriptor at birth', () => {
    const plan = planCgroup(path, limits, v1Host)
    expect(plan.into).toBeUndefined()
    expect(plan.paths.v1.cpuacct).toBe('/sys/fs/cgroup/cpu,cpuacct/vitrine/web')
  })
})

describe('the way of exec into a cgroup', () => {
  it('opens the directory on cgroup2 and writes into tasks on v1', () => {
    const { open, join, into } = enterCgroup(cgroupPaths(path, hybridHost))
    expect(printed(open)).toEqual(['open /sys/fs/cgroup/unified/vitrine/web as cgroup'])
    expect(into).toBe('cgroup')
    expect(join.every((step) => step.in === 'child')).toBe(true)
    expect(printed(join)).toContain('open /sys/fs/cgroup/pids/vitrine/web/tasks as tasks:pids')
  })
})

describe('a cgroup path', () => {
  it.each(['vitrine/web', '/', '/a/../b', '/a//b', '/a/b\nc', '/./b'])('is refused when it is %j', (odd) => {
    expect(() => planCgroup(odd, {}, v2Host)).toThrow('must be absolute and plain')
  })

  it('may be deep', () => {
    const steps = printed(planCgroup('/a/b/c', {}, v2Host).create)
    expect(steps[0]).toBe('open /sys/fs/cgroup/a/b/cgroup.subtree_control as parent (or ENOENT)')
    expect(steps.filter((line) => line.startsWith('    mkdir')).slice(0, 2)).toEqual([
      '    mkdir /sys/fs/cgroup/a (or EEXIST)',
      '    mkdir /sys/fs/cgroup/a/b (or EEXIST)',
    ])
  })
})
