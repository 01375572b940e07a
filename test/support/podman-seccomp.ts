// containers-common's seccomp.json, where it is installed, read as podman reads it: the original of our default profile.

import { existsSync, readFileSync } from 'node:fs'
import type { MachineArchitecture } from '../../core/launch/seccomp/architectures.ts'
import type { LinuxSeccomp, LinuxSyscall } from '../../core/spec/types.ts'

const file = '/usr/share/containers/seccomp.json'

interface Filter {
  readonly caps?: readonly string[]
  readonly arches?: readonly string[]
}
interface Original {
  readonly defaultAction: string
  readonly defaultErrnoRet: number
  readonly archMap: readonly { architecture: string; subArchitectures: readonly string[] }[]
  readonly syscalls: readonly (LinuxSyscall & { includes?: Filter; excludes?: Filter })[]
}

export const hasPodmanProfile = existsSync(file)

/** The OCI profile that podman makes for a container with these capabilities in its bounding set. */
export function podmanProfile(capabilities: readonly string[], arch: MachineArchitecture): LinuxSeccomp {
  const original = JSON.parse(readFileSync(file, 'utf8')) as Original
  const goArch = arch === 'x86_64' ? 'amd64' : 'arm64'
  const map = original.archMap.find(({ architecture }) => architecture === `SCMP_ARCH_${arch.toUpperCase()}`)!
  return {
    defaultAction: original.defaultAction,
    defaultErrnoRet: original.defaultErrnoRet,
    architectures: [map.architecture, ...map.subArchitectures],
    syscalls: original.syscalls
      .filter(({ includes, excludes }) => {
        if (excludes?.arches?.includes(goArch)) return false
        if (excludes?.caps?.some((name) => capabilities.includes(name))) return false
        if (includes?.arches?.length && !includes.arches.includes(goArch)) return false
        return (includes?.caps ?? []).every((name) => capabilities.includes(name))
      })
      .map(({ names, action, errnoRet, args }) => ({ names, action, errnoRet, args: args ?? [] })),
  }
}

/** Sets of capabilities worth comparing: podman's default, none, all that the profile asks for, each alone. */
export const capabilitySets: readonly (readonly string[])[] = [
  'CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT',
  '',
  'AUDIT_WRITE DAC_READ_SEARCH SYS_ADMIN SYS_CHROOT SYS_MODULE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_TIME SYS_TTY_CONFIG',
  ...'AUDIT_WRITE DAC_READ_SEARCH SYS_ADMIN SYS_CHROOT SYS_MODULE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_TIME SYS_TTY_CONFIG'.split(
    ' ',
  ),
].map((names) => (names === '' ? [] : names.split(' ').map((name) => `CAP_${name}`)))
