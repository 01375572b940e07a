// The containers that are measured: podman's defaults around a busybox root, and bare namespaces with a few mounts.

import { detectCgroups } from '../../core/cgroup/detect.ts'
import { planCgroup } from '../../core/cgroup/plan.ts'
import type { Kernel } from '../../core/kernel.ts'
import { planContainer } from '../../core/launch/container.ts'
import type { LaunchFacts } from '../../core/launch/facts.ts'
import type { LaunchPlan } from '../../core/launch/plan.ts'
import { compileSeccomp } from '../../core/launch/seccomp/compile.ts'
import { defaultProfile } from '../../core/launch/seccomp/profile.ts'
import { specFromRequest } from '../../core/spec/from-request.ts'
import { defaultRequest } from '../../core/spec/request.ts'
import type { Spec } from '../../core/spec/types.ts'
import { allCapabilities } from './capabilities.ts'

export const podmanCapabilities = [
  ...['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_FSETID', 'CAP_KILL', 'CAP_NET_BIND_SERVICE', 'CAP_SETFCAP'],
  ...['CAP_SETGID', 'CAP_SETPCAP', 'CAP_SETUID', 'CAP_SYS_CHROOT'],
]

/** The spec of `run --rm --network=none ROOTFS COMMAND`. */
export function defaultSpec(rootPath: string, command: readonly string[], cgroupsPath: string): Spec {
  const request = {
    ...defaultRequest({ kind: 'rootfs', path: rootPath, overlay: false }, command),
    network: { kind: 'none' } as const,
  }
  return specFromRequest(request, undefined, {
    containerId: 'bench'.padEnd(64, '0'),
    rootPath,
    cgroupsPath,
    user: { uid: 0, gid: 0, additionalGids: [], home: '/' },
    addedGids: [],
    boundingCapabilities: allCapabilities,
    files: {},
    joinedPaths: {},
    deviceNodes: {},
    hostDevices: [],
    seccomp: defaultProfile(podmanCapabilities, process.arch === 'x64' ? 'x86_64' : 'aarch64'),
    newUserNamespace: false,
    ttyGroupMapped: true,
    apparmor: false,
    swapAccounting: true,
    pidsController: true,
  })
}

/** What `planContainer` needs of this host for a spec without bind mounts. */
export function factsFor(kernel: Kernel, spec: Spec): LaunchFacts {
  const path = spec.linux!.cgroupsPath!
  const resources = spec.linux!.resources ?? {}
  const host = detectCgroups(kernel, { path, resources })
  const cgroup = planCgroup(path, resources, host)
  const hierarchies = host.hierarchies.map(({ mountPoint, controllers }) => ({
    name: mountPoint.slice(mountPoint.lastIndexOf('/') + 1),
    data: controllers.join(','),
    directory: `${mountPoint}${path}`,
  }))
  return {
    release: '6.12',
    euid: 0,
    capabilities: { permitted: (1n << 41n) - 1n, bounding: (1n << 41n) - 1n },
    lastCapability: 40,
    rootDirectory: spec.root!.path,
    sources: {},
    cgroup: {
      ...cgroup,
      view: host.mode === 'v2' ? { version: 2, mountPoint: host.unified!.mountPoint } : { version: 1, hierarchies },
    },
    ignoredSignals: [13, 25],
    ...(spec.linux!.seccomp === undefined
      ? {}
      : { seccomp: compileSeccomp(spec.linux!.seccomp, process.arch === 'x64' ? 'x86_64' : 'aarch64') }),
    waitsForStart: false,
  }
}

/** A whole OCI container: default mounts, masks, capabilities, seccomp, cgroups. */
export function containerPlan(
  kernel: Kernel,
  rootPath: string,
  command: readonly string[],
  cgroupsPath: string,
): LaunchPlan {
  const spec = defaultSpec(rootPath, command, cgroupsPath)
  return planContainer(spec, factsFor(kernel, spec))
}
