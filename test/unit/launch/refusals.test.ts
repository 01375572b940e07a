// What no plan carries out, or what contradicts itself, is refused by name before anything is made.

import { describe, expect, it } from 'vitest'
import { planContainer } from '../../../core/launch/container.ts'
import { facts, type Given, newNamespaces, specOf } from '../../support/planned.ts'

const refusal = (given: Given) => {
  try {
    planContainer(specOf(given), { ...facts, ...given.facts })
  } catch (error) {
    return (error as Error).message
  }
  return 'planned'
}
const mount = (mount: Partial<{ destination: string; type: string; source: string; options: string[] }>) => ({
  mounts: [{ destination: '/data', ...mount }],
})

describe('a container is refused', () => {
  it.each<[string, Given, string]>([
    [
      'without a mount namespace',
      { namespaces: newNamespaces('pid') },
      'linux.namespaces: a container needs a mount namespace of its own; add {"type": "mount"}',
    ],
    [
      "with a host name that would be the host's",
      { spec: { hostname: 'web' } },
      "hostname: would change the host's; a container needs a uts namespace to have its own",
    ],
    [
      'with a host name that is too long',
      { namespaces: newNamespaces('mount', 'uts'), spec: { hostname: 'é'.repeat(33) } },
      `hostname: ${'é'.repeat(33)}: has 66 bytes, and Linux takes 64 at most`,
    ],
    [
      'with a kernel parameter of the whole machine',
      { linux: { sysctl: { 'vm.swappiness': '1' } } },
      'linux.sysctl: vm.swappiness: belongs to the whole machine, not to a container; set it on the host',
    ],
    [
      "with a kernel parameter of the host's network",
      { linux: { sysctl: { 'net.core.somaxconn': '1' } } },
      "linux.sysctl: net.core.somaxconn: would change the host's; the container needs its own network namespace",
    ],
    [
      'with a kernel parameter that leads elsewhere',
      { linux: { sysctl: { 'net/../vm/swappiness': '1' } } },
      'linux.sysctl: net/../vm/swappiness: is no name of a kernel parameter',
    ],
    [
      'with clocks but no time namespace',
      { linux: { timeOffsets: { boottime: { secs: 1 } } } },
      'linux.timeOffsets: can only be set in a new time namespace; add {"type": "time"}',
    ],
    [
      'with a source that is not there',
      mount({ source: '/nowhere', options: ['bind'] }),
      'mounts[0] /data: no such file or directory: /nowhere',
    ],
    [
      'with a relative source',
      mount({ source: 'here', options: ['bind'] }),
      'mounts[0] /data: a bind mount needs an absolute source',
    ],
    [
      'with options of the file system on a bind mount',
      mount({ source: '/host/file', options: ['bind', 'size=1m'] }),
      "mounts[0] /data: size=1m: a bind mount cannot change the file system's own options; leave it out",
    ],
    [
      'with a mount that has no type',
      mount({}),
      'mounts[0] /data: needs a type such as tmpfs, or the option bind or rbind',
    ],
    [
      'with a mount on its root',
      mount({ destination: '/./', type: 'tmpfs' }),
      'mounts[0] /./: nothing can be mounted on the root itself; use root.path',
    ],
    [
      'with a copying tmpfs over files',
      mount({ type: 'tmpfs', options: ['tmpcopyup'] }),
      'mounts[0] /data: tmpcopyup: the image has files there, and copying them into a tmpfs is not supported; use a volume or leave tmpcopyup out',
    ],
    [
      'with idmap and no user namespace for it',
      mount({ source: '/host/file', options: ['bind', 'idmap'] }),
      'mounts[0] /data: idmap: no user namespace has the mapping',
    ],
    [
      'with a view of cgroups that it does not have',
      mount({ type: 'cgroup' }),
      'mounts[0] /data: the container has no cgroup of its own that could be shown',
    ],
    [
      'with a capability that Linux does not have',
      { process: { capabilities: { bounding: ['CAP_FLY'] } } },
      'process.capabilities.bounding: CAP_FLY: Linux has no such capability',
    ],
    [
      'with a limit that Linux does not have',
      { process: { rlimits: [{ type: 'RLIMIT_FUN', soft: 1, hard: 1 }] } },
      'process.rlimits: RLIMIT_FUN: Linux has no such limit',
    ],
    [
      'with a soft limit above the hard one',
      { process: { rlimits: [{ type: 'RLIMIT_CORE', soft: 2, hard: 1 }] } },
      'process.rlimits: RLIMIT_CORE: soft 2 is above hard 1',
    ],
    [
      'with groups where nobody can have any',
      { process: { user: { uid: 0, gid: 0, additionalGids: [5] } }, facts: { setgroupsDenied: true } },
      'process.user.additionalGids: a user namespace with a single mapping has no additional groups; leave them out, or map more ids (/etc/subgid)',
    ],
    [
      'with more layers than an older Linux takes',
      {
        facts: {
          release: '6.1.0-25-amd64',
          overlay: {
            lowerDirectories: Array.from({ length: 90 }, () => '/layers/'.padEnd(60, 'x')),
            mountPoint: '/merged',
          },
        },
      },
      'the image has 90 layers, more than Linux 6.1.0-25-amd64 can lay over each other; it needs Linux 6.8, or an image with fewer layers',
    ],
    [
      'with a label where there is no SELinux',
      { process: { selinuxLabel: 'web' } },
      'process.selinuxLabel: web: this kernel has no SELinux, or it is switched off (there is no /sys/fs/selinux/enforce); leave it out',
    ],
    [
      'with a label for its mounts where there is no SELinux',
      { linux: { mountLabel: 'web' } },
      'linux.mountLabel: web: this kernel has no SELinux, or it is switched off (there is no /sys/fs/selinux/enforce); leave it out',
    ],
    ['without a program', { process: { args: [] } }, 'process.args: a container needs a program to run'],
    [
      'with a working directory that is no path',
      { process: { cwd: 'srv' } },
      'process.cwd: srv: must be an absolute path',
    ],
    [
      'with a propagation that is none',
      { linux: { rootfsPropagation: 'loud' } },
      'linux.rootfsPropagation: loud: give shared, slave, private or unbindable, or one with an r in front',
    ],
  ])('%s', (_, given, sentence) => {
    expect(refusal(given)).toBe(sentence)
  })
})
