// Sysctls that belong to namespaces: names of the machine, numbers of processes, limits of namespaces. uts_namespaces(7)

import { type Credentials, capable } from '../credentials.ts'
import { type Pid, rootGid } from '../ids.ts'
import { pidMaxOf } from '../life/numbers.ts'
import type { NamespaceKind } from '../ns/namespace.ts'
import { deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import { rootOwner } from '../vfs/pseudo.ts'
import { decode, encode } from '../vfs/utf8.ts'
import { numberIn, type Sysctl, type SysctlTree } from './sysctl-directory.ts'

const nameBytesMax = 64

/** Longer names are cut in silence, unlike with sethostname(2) (UTS-002). */
export const namesOf = (which: 'hostname' | 'domainname'): Sysctl => ({
  read: ({ namespaces: { uts } }) => uts[which],
  write({ namespaces: { uts } }, text) {
    uts[which] = decode(encode(text.split('\n')[0]!).subarray(0, nameBytesMax))
    return undefined
  },
})

const pidMaxMost = 4_194_304
const pidMaxLeast = 301

/** One for the machine before Linux 6.14, one for each pid namespace since then (PID-101). */
export const pidMax: Sysctl = numberIn(
  (task) => pidMaxOf(task, task.pidNamespace),
  (task, value) => {
    const namespace = task.kernel.since(6, 14) ? task.pidNamespace : task.kernel.initial.pid
    namespace.pidMax = value
  },
  { least: pidMaxLeast, most: pidMaxMost },
)

const restores = (who: Credentials, { owner }: Task['pidNamespace']): boolean =>
  capable(who, 'CHECKPOINT_RESTORE', owner) || capable(who, 'SYS_ADMIN', owner)

/** PID-018; everybody may open it, the capability is asked at the write. */
export const lastPid: Sysctl = numberIn(
  ({ pidNamespace }) => pidNamespace.last,
  (task, value) => {
    if (!restores(task.credentials, task.pidNamespace))
      return deny('EPERM', 'PID-018', 'write to ns_last_pid: it needs CAP_CHECKPOINT_RESTORE over the pid namespace')
    task.pidNamespace.last = value as Pid
    return undefined
  },
  { least: 0, most: pidMaxMost, mode: 0o666 },
)

const kinds: readonly NamespaceKind[] = ['user', 'pid', 'uts', 'ipc', 'net', 'mnt', 'cgroup', 'time']

/** Limits of the reader's own user namespace; with CAP_SYS_RESOURCE in it they may be changed (CLN-041). */
export const userSysctls: SysctlTree = Object.fromEntries(
  kinds.map((kind) => [
    `max_${kind}_namespaces`,
    numberIn(
      ({ credentials: { namespace } }) => namespace.limit(kind),
      ({ credentials: { namespace } }, value) => void namespace.limits.set(kind, value),
      {
        least: 0,
        owner: ({ credentials }) =>
          capable(credentials, 'SYS_RESOURCE', credentials.namespace)
            ? { uid: credentials.fsuid, gid: rootGid }
            : rootOwner,
      },
    ),
  ]),
)
