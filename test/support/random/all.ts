// All kinds of random calls, and the calls of the table that none of them makes, each with the reason.

import type { SyscallName } from '../../../core/syscall.ts'
import { cgroups } from './cgroups.ts'
import { credentials } from './credentials.ts'
import { descriptors } from './descriptors.ts'
import type { Make } from './draw.ts'
import { files } from './files.ts'
import { mounts } from './mounts.ts'
import { processes } from './processes.ts'
import { ipc, sockets } from './sockets.ts'

export const makers: Readonly<Record<string, Make>> = {
  ...files,
  ...descriptors,
  ...processes,
  ...credentials,
  ...mounts,
  ...sockets,
  ...ipc,
  ...cgroups,
}

export const notDrawn: Readonly<Partial<Record<SyscallName, string>>> = {
  acct: 'it is about the whole machine',
  delete_module: 'it is about the whole machine',
  finit_module: 'it is about the whole machine',
  getcpu: 'on which processor a puppet runs is chance',
  init_module: 'it is about the whole machine',
  prctl_get: 'in a scenario it is prctl',
  sched_getparam: 'priorities belong to real-time policies',
  sched_setparam: 'priorities belong to real-time policies',
  sched_setscheduler: 'real-time policies take processors of the whole machine',
  sched_setattr: 'real-time policies take processors of the whole machine',
  ioprio_set: 'its rules have a scenario of their own',
  settimeofday: 'it sets the clock of the whole machine',
  swapoff: 'it is about the whole machine',
  swapon: 'it is about the whole machine',
  syslog: 'it is about the whole machine',
  arch_prctl: 'registers of a puppet are its own',
  bpf: 'its attributes cannot be written in a scenario',
  clock_settime: 'it sets the clock of the whole machine',
  futex: 'its words lie in memory, which puppets share',
  get_mempolicy: 'nodes of memory belong to the machine',
  membarrier: 'it is about threads that run at the same time',
  ptrace: 'who is traced waits for a tracer, and refusals alone have rules of their own',
  reboot: 'it ends whoever plays the scenario',
  recvmsg: 'its rules have scenarios of their own',
  rseq: "its area is a program's own",
  sendmsg: 'its rules have scenarios of their own',
  set_mempolicy: 'nodes of memory belong to the machine',
  set_robust_list: "its list is a program's own",
  seccomp: 'filters cannot be written in a scenario',
  semctl_buffer: 'in a scenario it is semctl',
  sigaltstack: 'a puppet has a stack of its own',
  sync: 'it makes the whole machine write its disks',
}
