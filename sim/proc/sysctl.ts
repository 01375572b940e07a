// /proc/sys: what of it the model goes by, and what programs look for. proc_sys(5)

import { lastCapability } from '../credentials.ts'
import { overflowId } from '../ids.ts'
import type { Kernel } from '../kernel.ts'
import { descriptorsMost } from '../life/limits.ts'
import { netSysctls } from '../net/sysctl.ts'
import { Random } from '../random.ts'
import { fixed, kept, numberIn, type Sysctl, type SysctlTree, sysctlRoot } from './sysctl-directory.ts'
import { ipcSysctls, mqueueSysctls } from './sysctl-ipc.ts'
import { lastPid, namesOf, pidMax, userSysctls } from './sysctl-namespaces.ts'

/** uname(2) */
export const release = ({ config: { version } }: Kernel): string => `${version[0]}.${version[1]}.0`

function uuidOf(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  const fourth = '89ab'[Number.parseInt(hex[16]!, 16) & 3]
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${fourth}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** The same for as long as the machine is on; it takes nothing from the machine's chance. */
const bootId: Sysctl = { read: ({ kernel: { config } }) => uuidOf(new Random(config.seed ^ 0x626f6f74).bytes(16)) }
const newId: Sysctl = { read: ({ kernel: { random } }) => uuidOf(random.bytes(16)) }

const threadsMax = ({ config }: Kernel): number => Math.min(Math.floor(config.memoryBytes / (8 * 16384)), 2 ** 22)
const flag = { least: 0, most: 1 }

const kernelTree: SysctlTree = {
  ...ipcSysctls,
  hostname: namesOf('hostname'),
  domainname: namesOf('domainname'),
  pid_max: pidMax,
  ns_last_pid: lastPid,
  cap_last_cap: fixed(lastCapability),
  overflowuid: fixed(overflowId),
  overflowgid: fixed(overflowId),
  osrelease: { read: ({ kernel }) => release(kernel) },
  ostype: fixed('Linux'),
  version: fixed('#1 SMP'),
  'threads-max': numberIn(
    ({ kernel }) => kernel.sysctls.get('threads-max') ?? threadsMax(kernel),
    ({ kernel }, value) => {
      kernel.sysctls.set('threads-max', value)
    },
    { least: 1 },
  ),
  random: { in: { boot_id: bootId, uuid: newId, entropy_avail: fixed(256), poolsize: fixed(256) } },
  keys: {
    in: {
      maxkeys: kept('maxkeys', 200, { least: 1 }),
      maxbytes: kept('maxbytes', 20_000, { least: 1 }),
      root_maxkeys: kept('root_maxkeys', 1_000_000, { least: 1 }),
      root_maxbytes: kept('root_maxbytes', 25_000_000, { least: 1 }),
      gc_delay: kept('gc_delay', 300, { least: 0 }),
    },
  },
  core_pattern: fixed('core'),
  core_uses_pid: kept('core_uses_pid', 0, flag),
  dmesg_restrict: kept('dmesg_restrict', 0, flag),
  kptr_restrict: kept('kptr_restrict', 0, { least: 0, most: 2 }),
  panic: kept('panic', 0),
  perf_event_paranoid: kept('perf_event_paranoid', 2),
  printk: fixed('4\t4\t1\t7'),
  randomize_va_space: kept('randomize_va_space', 2, { least: 0, most: 2 }),
  sysrq: kept('sysrq', 1),
  unprivileged_bpf_disabled: kept('unprivileged_bpf_disabled', 2, { least: 0, most: 2 }),
  yama: { in: { ptrace_scope: kept('ptrace_scope', 0, { least: 0, most: 3 }) } },
  seccomp: {
    in: { actions_avail: fixed('kill_process kill_thread trap errno user_notif trace log allow') },
  },
}

const fsTree: SysctlTree = {
  'mount-max': numberIn(
    ({ kernel }) => kernel.mountsMax,
    ({ kernel }, value) => {
      kernel.mountsMax = value
    },
    { least: 1 },
  ),
  nr_open: kept('nr_open', descriptorsMost, { least: 64 }),
  'file-max': fixed('9223372036854775807'),
  'file-nr': fixed('0\t0\t9223372036854775807'),
  'pipe-max-size': kept('pipe-max-size', 1_048_576, { least: 4096 }),
  'pipe-user-pages-soft': kept('pipe-user-pages-soft', 16_384, { least: 0 }),
  'aio-max-nr': kept('aio-max-nr', 65_536, { least: 0 }),
  inotify: {
    in: {
      max_user_instances: kept('max_user_instances', 128, { least: 0 }),
      max_user_watches: kept('max_user_watches', 14_000, { least: 0 }),
      max_queued_events: kept('max_queued_events', 16_384, { least: 0 }),
    },
  },
  mqueue: { in: mqueueSysctls },
  suid_dumpable: kept('suid_dumpable', 0, { least: 0, most: 2 }),
  protected_hardlinks: kept('protected_hardlinks', 0, flag),
  protected_symlinks: kept('protected_symlinks', 0, flag),
  protected_fifos: kept('protected_fifos', 0, { least: 0, most: 2 }),
  protected_regular: kept('protected_regular', 0, { least: 0, most: 2 }),
  binfmt_misc: { in: {} },
}

const vmTree: SysctlTree = {
  overcommit_memory: kept('overcommit_memory', 0, { least: 0, most: 2 }),
  overcommit_ratio: kept('overcommit_ratio', 50, { least: 0 }),
  swappiness: kept('swappiness', 60, { least: 0, most: 200 }),
  max_map_count: kept('max_map_count', 65_530, { least: 0 }),
  min_free_kbytes: kept('min_free_kbytes', 67_584, { least: 0 }),
  mmap_min_addr: kept('mmap_min_addr', 65_536, { least: 0 }),
  nr_hugepages: numberIn(
    ({ kernel }) => kernel.huge?.total ?? 0,
    ({ kernel }, value) => {
      if (kernel.huge) kernel.huge.total = Math.max(value, kernel.huge.inUse + kernel.huge.reserved)
    },
    { least: 0 },
  ),
  oom_kill_allocating_task: kept('oom_kill_allocating_task', 0, { least: 0 }),
  panic_on_oom: kept('panic_on_oom', 0, { least: 0, most: 2 }),
  drop_caches: {
    ...numberIn(
      () => 0,
      ({ kernel }, value) => {
        if (value & 1) kernel.memory?.dropCaches()
      },
      { least: 1, most: 4 },
    ),
    mode: 0o200,
  },
  vfs_cache_pressure: kept('vfs_cache_pressure', 100, { least: 0 }),
}

export const sysctls = sysctlRoot({
  kernel: { in: kernelTree },
  fs: { in: fsTree },
  vm: { in: vmTree },
  user: { in: userSysctls },
  net: { of: netSysctls, keepsNet: true },
})
