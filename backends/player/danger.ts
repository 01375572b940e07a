// What a scenario may not do on somebody's own machine, even from a corner: what reaches beyond namespaces.

import type { Syscall } from '../../core/syscall.ts'

/** Of the whole machine, whoever writes it. Names of hosts, queues and numbers belong to namespaces. */
const shared = /^\/+proc\/+(sys\/+(kernel|vm|fs|dev|debug|user)\/|sysrq-trigger|irq\/|scsi\/)/
const own = /^\/+proc\/+sys\/+(kernel\/+(hostname|domainname|ns_last_pid|msg\w*|sem\w*|shm\w*)|fs\/+mqueue\/)/

/** Throws for a call that would change the host. */
export function refuseDanger(call: Syscall): void {
  const path = 'pathname' in call && typeof call.pathname === 'string' ? call.pathname : undefined
  const flags = call.name === 'openat2' ? call.how.flags : 'flags' in call ? Number(call.flags) : 0
  const writes = /^(open|openat|openat2|creat)$/.test(call.name) && ((flags & 3) !== 0 || call.name === 'creat')
  if (writes && path !== undefined && shared.test(path) && !own.test(path))
    throw new Error(`${path} belongs to the whole machine: play this in user-mode Linux`)
  if (/^mknod(at)?$/.test(call.name) && 'mode' in call && (Number(call.mode) & 0o170000) === 0o060000)
    throw new Error('a block device may be a disk of this machine: play this in user-mode Linux')
  if (/^(init_module|finit_module|delete_module|kexec_load|swapon|settimeofday|clock_settime|iopl)$/.test(call.name))
    throw new Error(`${call.name} changes the whole machine: play this in user-mode Linux`)
  // Modes and owners in sysfs are the same for all who mount it; those of cgroups belong to the corner.
  if (/^(chmod|l?chown|fchmodat2?|fchownat|l?setxattr|l?removexattr)$/.test(call.name)) {
    const named = path ?? ('path' in call && typeof call.path === 'string' ? call.path : '')
    if (/^\/+sys(\/|$)(?!\/*fs\/+cgroup\/)/.test(named))
      throw new Error(`${named} is shared with the whole machine: play this in user-mode Linux`)
  }
}
