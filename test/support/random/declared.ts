// Differences between the simulated kernel and real ones that are declared: each with its name, its rule and the reason.

import type { Played } from '../../../sim/scenario/result.ts'
import type { Machine } from './machine.ts'

interface Declaration {
  readonly name: string
  readonly rule: string
  readonly why: string
  /** Whether a line that differs is such a case; the text is that of the scenario up to its end. */
  readonly holds: (played: Played, text: string, machine: Machine) => boolean
}

/** The call of a line. */
const nameIn = (line: string): string | undefined => /(?:^|\] )(\w+)\(/.exec(line)?.[1]

const withoutInode = 'eventfd2? epoll_create1? timerfd_create signalfd4? inotify_init1? fsopen fspick'.split(' ')

const declarations: readonly Declaration[] = [
  {
    name: 'shutdown of an unconnected socket',
    rule: 'shutdown(2)',
    why: 'Linux refuses with ENOTCONN and shuts it down even so; here a refused call changes nothing',
    holds: ({ written }, before) =>
      /shutdown\(.*ENOTCONN/.test(before) &&
      (written.startsWith('# waits') || /^(read|recv|send|write|p?poll|p?select|epoll)/.test(nameIn(written) ?? '')),
  },
  {
    name: 'upper directory of an overlay',
    rule: 'OVL-009',
    why: 'Linux marks an upper directory with a uuid, also when it finds later that the place is no directory',
    holds: ({ written }, before) =>
      (/xattr$/.test(nameIn(written) ?? '') && /"overlay".*upperdir=/.test(before)) ||
      /"overlay".*ENOTDIR/.test(written),
  },
  {
    name: 'copy of a tree that is attached nowhere',
    rule: 'MNT-031',
    why: 'Linux copies such trees since 6.15; here as before',
    holds: ({ written }, _before, { version: [major, minor] }) =>
      /open_tree\(.*OPEN_TREE_CLONE.*EINVAL/.test(written) && (major > 6 || minor >= 15),
  },
  {
    name: 'kernel without time namespaces',
    rule: 'TIM-001',
    why: 'the simulated kernel has them always',
    holds: ({ written }, _before, { time }) => !time && /timens|CLONE_NEWTIME/.test(written),
  },
  {
    name: 'messages of a mount that is being made',
    rule: 'fsopen(2)',
    why: 'Linux tells in words what it thinks of the options; here there is nothing to read',
    holds: ({ written }) => /^readv?$/.test(nameIn(written) ?? '') && written.includes('ENODATA'),
  },
  {
    name: 'names in the root of proc',
    rule: 'PID-020',
    why: 'its number of links goes by the processes of the whole machine',
    holds: ({ written }, before) => /stx?_nlink=/.test(written) && /"proc"/.test(before),
  },
  {
    name: 'stop of the process that the caller is in',
    rule: 'signal(7)',
    why: 'another of its threads takes the signal, on another processor: Linux may let the call end before that one has it',
    holds: ({ written }, before) =>
      written.startsWith('# waits') &&
      /\[pid (\d+)\] (t?kill\(|rt_sigqueueinfo\(|(rt_)?tg(kill|sigqueueinfo)\(\d+, )(?!\1,)-?\d+, SIG(STOP|TSTP|TTIN|TTOU)\b.*<unfinished \.\.\.>?$/.test(
        before,
      ),
  },
  {
    name: 'lock of a file without an inode of its own',
    rule: 'flock(2)',
    why: 'Linux has one inode for all of them, in all processes of the machine: somebody outside of the scenario may hold it',
    holds: ({ written }, before) => {
      const fd = /(?:^|\] )flock\((\d+), /.exec(written)?.[1]
      return fd !== undefined && new RegExp(`\\] (${withoutInode.join('|')})\\(.*\\) = ${fd}$`, 'm').test(before)
    },
  },
  {
    name: 'seals on the root file system',
    rule: 'fcntl(2)',
    why: 'that of the simulated machine stands for a disk, which knows no seals; that of the player is a tmpfs',
    holds: ({ written }, before) => {
      const fd = /(?:^|\] )fcntl\((\d+), F_(?:ADD|GET)_SEALS/.exec(written)?.[1]
      return fd !== undefined && new RegExp(`open\\w*\\(.*"/(?!tmp|sys|proc|dev)[^"]*".*= ${fd}$`, 'm').test(before)
    },
  },
  {
    name: 'way up while something is renamed or mounted',
    rule: 'openat2(2)',
    why: 'Linux then cannot tell whether the way up stays inside, wherever on the machine that was: EAGAIN, to be tried again',
    holds: ({ written, actual }) =>
      /openat2\(.*\.\..*RESOLVE_(BENEATH|IN_ROOT)/.test(written) && actual.includes('EAGAIN'),
  },
  {
    name: 'below a root that was taken away',
    rule: 'MNT-015',
    why: 'Linux takes the mounts below a detached root apart in an order of its own, and refuses others there with ENOENT',
    holds: ({ written }, before) =>
      /^(mount|umount2|move_mount|open_tree|pivot_root|mount_setattr|fspick)$/.test(nameIn(written) ?? '') &&
      /umount2\("[./]+", [^)]*MNT_DETACH[^)]*\) = 0/.test(before),
  },
]

/** The name and rule of a declared difference; undefined when nobody has declared it. */
export function declared(played: Played, text: string, machine: Machine): string | undefined {
  const found = declarations.find(({ holds }) => holds(played, text, machine))
  return found && `${found.name} (${found.rule})`
}
