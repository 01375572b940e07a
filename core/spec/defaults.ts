// What a container has when nothing is said: podman 4's defaults as parts of a Spec.

import type { CapabilityName } from './names.ts'
import type { LinuxDeviceCgroup, Mount } from './types.ts'

export const ociVersion = '1.2.0'

export const defaultPidsLimit = 2048
export const defaultStopSignal = 15
export const cpuPeriodUsec = 100_000

/** Under podman's keys the last one says `podman`; programs ask it whether they run in a container. */
export const defaultEnv: readonly string[] = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'TERM=xterm',
  'container=vitrine',
]

export const defaultCapabilities: readonly CapabilityName[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_NET_BIND_SERVICE',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
]

/** Files that tell too much of the host, or let the container change it. */
export const defaultMaskedPaths: readonly string[] = [
  '/proc/acpi',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/fs/selinux',
  '/sys/dev/block',
]

export const defaultReadonlyPaths: readonly string[] = [
  '/proc/asound',
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
]

/** Lets every group of the container use ping without CAP_NET_RAW. icmp(7). */
export const defaultNetworkSysctl: Readonly<Record<string, string>> = { 'net.ipv4.ping_group_range': '0 0' }

/**
 * Nothing but what the OCI spec wants in every container (config-linux.md, "Default Devices"): core/cgroup adds those to
 * every list of rules, as the spec asks of a runtime.
 */
export const defaultDeviceRules: readonly LinuxDeviceCgroup[] = [{ allow: false, access: 'rwm' }]

export const allDeviceRules: readonly LinuxDeviceCgroup[] = [{ allow: true, access: 'rwm' }]

export const procMount: Mount = {
  destination: '/proc',
  type: 'proc',
  source: 'proc',
  options: ['nosuid', 'noexec', 'nodev'],
}

export const devMount: Mount = {
  destination: '/dev',
  type: 'tmpfs',
  source: 'tmpfs',
  options: ['nosuid', 'noexec', 'strictatime', 'mode=755', 'size=65536k'],
}

/** gid 5 is tty in every distribution. */
export const ptsMount: Mount = {
  destination: '/dev/pts',
  type: 'devpts',
  source: 'devpts',
  options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
}

export const mqueueMount: Mount = {
  destination: '/dev/mqueue',
  type: 'mqueue',
  source: 'mqueue',
  options: ['nosuid', 'noexec', 'nodev'],
}

export const shmMount = (sizeBytes: number): Mount => ({
  destination: '/dev/shm',
  type: 'tmpfs',
  source: 'shm',
  options: ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${sizeBytes}`],
})

export const sysMount = (access: 'ro' | 'rw'): Mount => ({
  destination: '/sys',
  type: 'sysfs',
  source: 'sysfs',
  options: ['nosuid', 'noexec', 'nodev', access],
})

export const cgroupMount = (access: 'ro' | 'rw'): Mount => ({
  destination: '/sys/fs/cgroup',
  type: 'cgroup',
  source: 'cgroup',
  options: ['nosuid', 'noexec', 'nodev', 'relatime', access],
})

export const bindMount = (destination: string, source: string, options: readonly string[] = []): Mount => ({
  destination,
  type: 'bind',
  source,
  options: ['rbind', 'rprivate', ...options],
})
