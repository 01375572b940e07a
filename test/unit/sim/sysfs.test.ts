// sysfs: whose devices it shows, and what runtimes look for in it. sysfs(5)

import { describe, expect, it } from 'vitest'
import { addLink } from '../../../sim/net/links.ts'
import { isDenied } from '../../../sim/outcome.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call, errno, value } from '../../support/sim.ts'

const stat = (task: Task, pathname: string) => errno(call(task, { name: 'access', pathname, mode: 0 }))
const mount = (task: Task, target: string) =>
  value(task, { name: 'mount', source: 'sysfs', target, filesystemtype: 'sysfs', mountflags: 0, data: null })

describe('sysfs', () => {
  it('MNT-107, NET-011, NET-012: shows the devices of the namespace of its mounter, until a fresh one is mounted', () => {
    const { init } = boot()
    addLink(init.namespaces.net, 'dummy', 'd0')
    value(init, { name: 'unshare', flags: 0x40000000 })
    expect(stat(init, '/sys/class/net/d0')).toBeUndefined()
    mount(init, '/tmp')
    expect(stat(init, '/tmp/class/net/d0')).toBe('ENOENT')
    expect(stat(init, '/tmp/class/net/lo/mtu')).toBeUndefined()
  })

  it('MNT-107: the MTU of a device is written by who may change it', () => {
    const { init } = boot()
    addLink(init.namespaces.net, 'bridge', 'b0')
    const write = (device: string, buf: string) => {
      const fd = value(init, {
        name: 'openat',
        dirfd: -100,
        pathname: `/sys/class/net/${device}/mtu`,
        flags: 1,
        mode: 0,
      })
      return errno(call(init, { name: 'write', fd, buf }))
    }
    expect(write('b0', '1400\n')).toBeUndefined()
    expect(init.namespaces.net.links.get(2)?.mtuBytes).toBe(1400)
    expect(['67', '65536', 'x', '-1'].map((text) => write('b0', text))).toEqual(Array(4).fill('EINVAL'))
    expect(write('lo', '67')).toBeUndefined()
    value(init, { name: 'unshare', flags: 0x10000000 })
    expect(write('lo', '1500')).toBe('EPERM')
  })

  it('NET-011: /proc/net is that of the reader at once', () => {
    const { init } = boot()
    addLink(init.namespaces.net, 'dummy', 'd0')
    const devices = () => {
      const fd = value(init, { name: 'openat', dirfd: -100, pathname: '/proc/net/dev', flags: 0, mode: 0 })
      const outcome = call(init, { name: 'read', fd, buf: 4096 })
      return isDenied(outcome) ? outcome.errno : new TextDecoder().decode(outcome.data)
    }
    expect(devices()).toContain('d0:')
    value(init, { name: 'unshare', flags: 0x40000000 })
    expect(devices()).not.toContain('d0:')
  })

  it('has processors and the place for cgroups, and no AppArmor', () => {
    const { init } = boot()
    expect(stat(init, '/sys/devices/system/cpu/online')).toBeUndefined()
    expect(stat(init, '/sys/fs/cgroup/cgroup.procs')).toBeUndefined()
    expect(stat(init, '/sys/module/apparmor')).toBe('ENOENT')
  })
})
