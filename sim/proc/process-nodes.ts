// All that is in the directory of a process, by name. proc_pid(5), tgid_base_stuff and tid_base_stuff in fs/proc/base.c

import { taskCgroups } from '../cgroup/paths.ts'
import { capable } from '../credentials.ts'
import { type IdKind, mayOpenSetgroups, readIdMap, writeIdMap, writeSetgroups } from '../ns/id-map-file.ts'
import { readOffsets, writeOffsets } from '../ns/timens-offsets.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import { mayBeWritten } from '../vfs/flags.ts'
import { mountinfo, mounts, mountstats } from '../vfs/mountinfo.ts'
import { POLLERR, POLLPRI, readable } from '../vfs/poll-events.ts'
import type { Content } from '../vfs/pseudo.ts'
import { encode } from '../vfs/utf8.ts'
import { writeComm } from './comm.ts'
import { DescriptorDirectory } from './descriptor-directory.ts'
import { limitsText } from './limits.ts'
import { mapsText } from './maps.ts'
import { NamespaceDirectory } from './namespace-directory.ts'
import { NetDirectory } from './net-directory.ts'
import { oomScore, writeOomAdj, writeOomScoreAdj, wrongOomAdj, wrongOomScoreAdj } from './oom.ts'
import { cwdLink, exeLink, rootLink } from './places.ts'
import type { FileNode, ProcessNode } from './process-directory.ts'
import { statmText, statText } from './stat.ts'
import { statusText } from './status.ts'
import { AttributeDirectory, TaskDirectory } from './task-directory.ts'

const file = (mode: number, read: FileNode['read'], more: Partial<FileNode> = {}): ProcessNode => ({
  file: { mode, ...(read && { read }), ...more },
})
const secret = { needsAccess: true }

const map = (kind: IdKind): ProcessNode => ({
  file: {
    mode: 0o644,
    // The namespace is that of the moment when it is opened.
    open({ of }) {
      const { namespace } = of.credentials
      return {
        read: (_reader, opener) => readIdMap(namespace, kind, opener),
        write: (task, bytes, offset, opener) => writeIdMap(task, namespace, kind, bytes, offset, opener),
      }
    },
  },
})

const setgroups: ProcessNode = {
  file: {
    mode: 0o644,
    open({ of, reader }, { flags }) {
      const { namespace } = of.credentials
      const refusal = mayBeWritten(flags) ? mayOpenSetgroups(reader, namespace) : undefined
      if (refusal) return refusal
      return {
        read: () => `${namespace.setgroups}\n`,
        write: (_task, bytes, offset) => writeSetgroups(namespace, bytes, offset),
      }
    },
  },
}

/** Arguments as they lie in memory, each with a NUL behind it; a zombie has none (PID-015). */
const strings = (of: { readonly alive: boolean }, words: readonly string[]): Uint8Array =>
  encode(of.alive ? words.map((word) => `${word}\0`).join('') : '')

/** Whose mounts they are is asked at open(2); poll(2) tells that they have changed since. mounts_open_common() */
function mountContent(of: Task, text: (task: Task) => string): Content | Denied {
  if (!of.alive) return deny('EINVAL', 'proc(5)', 'proc(5): the process has no mount namespace any more')
  const { mnt } = of.namespaces
  let { event } = mnt
  return {
    read: () => (of.alive ? text(of) : ''),
    poll() {
      const news = event !== mnt.event
      event = mnt.event
      return { events: readable | (news ? POLLERR | POLLPRI : 0), queues: [mnt.changes] }
    },
  }
}

const stack: FileNode = {
  mode: 0o400,
  read: ({ reader }) =>
    capable(reader.credentials, 'SYS_ADMIN', reader.kernel.initial.user)
      ? ''
      : deny('EACCES', 'proc(5)', 'proc(5): the stack of the kernel is shown to CAP_SYS_ADMIN alone'),
}

const adjust: FileNode = {
  mode: 0o644,
  keepsOffset: true,
  isPlain: true,
  read: ({ of }) => `${of.process.oomScoreAdj}\n`,
  wrong: wrongOomScoreAdj,
  write: ({ of, reader }, bytes) => writeOomScoreAdj(reader, of, bytes),
}
const oldAdjust: FileNode = {
  mode: 0o644,
  keepsOffset: true,
  isPlain: true,
  read: ({ of }) => `${of.process.oomScoreAdj === 1000 ? 15 : Math.trunc((of.process.oomScoreAdj * 17) / 1000)}\n`,
  wrong: wrongOomAdj,
  write: ({ of, reader }, bytes) => writeOomAdj(reader, of, bytes),
}

export const processNodes: Readonly<Record<string, ProcessNode>> = {
  task: { directory: (at) => new TaskDirectory(at), only: 'process' },
  fd: { directory: (at) => new DescriptorDirectory(at, 'fd') },
  fdinfo: { directory: (at) => new DescriptorDirectory(at, 'fdinfo') },
  ns: { directory: (at) => new NamespaceDirectory(at) },
  net: { directory: (at) => new NetDirectory(at) },
  attr: { directory: (at) => new AttributeDirectory(at) },
  environ: file(0o400, ({ of }) => strings(of, of.process.image.envp), { ...secret, isPlain: true }),
  auxv: file(0o400, () => new Uint8Array(0), { ...secret, isPlain: true }),
  status: file(0o444, statusText),
  personality: file(0o400, ({ of }) => `${of.personality.toString(16).padStart(8, '0')}\n`, secret),
  limits: file(0o444, ({ of }) => limitsText(of)),
  comm: file(0o644, ({ of }) => `${of.comm}\n`, {
    write: ({ of, reader }, bytes) => writeComm(reader, of, bytes),
    ...{ keepsOffset: true, isOfThreads: true },
  }),
  cmdline: file(0o444, ({ of }) => strings(of, of.process.image.argv), { isPlain: true }),
  stat: file(0o444, statText),
  statm: file(0o444, statmText),
  maps: file(0o444, ({ of, reader }) => mapsText(of, reader), secret),
  mem: file(0o600, () => deny('EIO', 'proc(5)', 'proc(5): memory of other processes is not modelled'), {
    ...secret,
    isPlain: true,
  }),
  cwd: { link: cwdLink },
  root: { link: rootLink },
  exe: { link: exeLink },
  mounts: file(0o444, undefined, { open: ({ of }) => mountContent(of, mounts) }),
  mountinfo: file(0o444, undefined, { open: ({ of }) => mountContent(of, mountinfo) }),
  mountstats: { ...file(0o400, undefined, { open: ({ of }) => mountContent(of, mountstats) }), only: 'process' },
  wchan: file(0o444, () => '0'),
  stack: { file: stack },
  schedstat: file(0o444, () => '0 0 0\n'),
  cgroup: file(0o444, ({ of, reader }) => taskCgroups(of, reader)),
  oom_score: file(0o444, ({ of }) => `${oomScore(of)}\n`),
  oom_adj: { file: oldAdjust },
  oom_score_adj: { file: adjust },
  loginuid: file(0o644, () => '4294967295', {
    isPlain: true,
    write: () => deny('EPERM', 'proc(5)', 'proc(5): audit is not modelled, the login uid is not set'),
  }),
  sessionid: file(0o444, () => '4294967295', { isPlain: true }),
  coredump_filter: {
    ...file(0o644, () => '00000033\n', { write: (_at, bytes) => bytes.length, isPlain: true, keepsOffset: true }),
    only: 'process',
  },
  uid_map: map('uid'),
  gid_map: map('gid'),
  projid_map: map('projid'),
  setgroups,
  timens_offsets: {
    ...file(0o644, ({ of }) => readOffsets(of.namespaces.timeForChildren), {
      write: ({ of }, bytes, offset, opener) =>
        writeOffsets(of.kernel, of.namespaces.timeForChildren, bytes, offset, opener),
      keepsOffset: true,
    }),
    only: 'process',
  },
  children: {
    ...file(0o444, ({ of, superblock }) => {
      const numbers: string[] = []
      for (const child of of.process.children)
        if (child.parentTask === of) numbers.push(`${child.leader.entry.in(superblock.namespace) ?? 0} `)
      return numbers.join('')
    }),
    only: 'thread',
  },
}
