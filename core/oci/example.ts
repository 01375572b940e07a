// The config.json that `spec` writes: a shell in its own namespaces, with few rights, on a read-only root filesystem.

import {
  defaultMaskedPaths,
  defaultReadonlyPaths,
  devMount,
  mqueueMount,
  ociVersion,
  procMount,
  ptsMount,
  shmMount,
} from '../spec/defaults.ts'
import type { LinuxNamespaceType, Mount, Spec } from '../spec/types.ts'

const capabilities = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE']

/**
 * @param rootless - for this user, who is mapped to root of a user namespace
 */
export function exampleSpec(rootless?: { readonly uid: number; readonly gid: number }): Spec {
  const types: LinuxNamespaceType[] = ['pid', 'network', 'ipc', 'uts', 'mount', 'cgroup']
  if (rootless) types.push('user')
  const sys: Mount = rootless
    ? { destination: '/sys', type: 'none', source: '/sys', options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'] }
    : { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] }
  const cgroup: Mount = {
    destination: '/sys/fs/cgroup',
    type: 'cgroup',
    source: 'cgroup',
    options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
  }
  // Who maps no group but his own has no group tty.
  const pts: Mount = rootless
    ? { ...ptsMount, options: ptsMount.options!.filter((option) => option !== 'gid=5') }
    : ptsMount
  const map = (hostID: number) => [{ containerID: 0, hostID, size: 1 }]
  return {
    ociVersion,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
      cwd: '/',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'vitrine',
    mounts: [procMount, devMount, pts, shmMount(65536 * 1024), mqueueMount, sys, ...(rootless ? [] : [cgroup])],
    linux: {
      ...(rootless && { uidMappings: map(rootless.uid), gidMappings: map(rootless.gid) }),
      ...(rootless ? {} : { resources: { devices: [{ allow: false, access: 'rwm' }] } }),
      namespaces: types.map((type) => ({ type })),
      maskedPaths: defaultMaskedPaths,
      readonlyPaths: defaultReadonlyPaths,
    },
  }
}
