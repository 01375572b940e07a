// features: what this runtime can do, as a machine reads it. OCI runtime spec, features.md.

import { memoryPolicyWords } from '../launch/memory-policy.ts'
import { mountOptionNames } from '../launch/mount-options.ts'
import { seccompWords } from '../launch/seccomp/rules.ts'
import { ociVersion } from '../spec/defaults.ts'
import { capabilityNames, namespaceTypes } from '../spec/names.ts'

/** @param version - of this program */
export function features(version: string): object {
  const { actions, operators, flags } = seccompWords()
  return {
    ociVersionMin: '1.0.0',
    ociVersionMax: ociVersion,
    hooks: ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'],
    mountOptions: mountOptionNames(),
    linux: {
      namespaces: namespaceTypes,
      capabilities: capabilityNames,
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: {
        enabled: true,
        actions,
        operators,
        archs: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
        knownFlags: flags,
        supportedFlags: flags,
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      memoryPolicy: memoryPolicyWords,
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: { 'org.vitrine.version': version },
    potentiallyUnsafeConfigAnnotations: ['org.systemd.property.'],
  }
}
