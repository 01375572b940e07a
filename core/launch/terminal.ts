// A terminal of the container's own devpts: standard streams, controlling terminal, /dev/console. pty(7), ioctl_tty(2).

import type { Process } from '../spec/types.ts'
import { AT, IOCTL, MOVE_MOUNT, O, OPEN_TREE } from './constants.ts'
import { terminalMaster } from './plan.ts'
import { from, openInside, type PlanWriter } from './writer.ts'

/** Opens the terminal; `console` says that the container's /dev is this plan's to put /dev/console in. */
export function planTerminal(writer: PlanWriter, process: Process, console: boolean): void {
  writer.add(
    openInside('/dev/pts/ptmx', 'master', "open a new terminal of the container's own", {
      flags: O.RDWR | O.NOCTTY,
      links: false,
    }),
  )
  writer.child(
    { name: 'ioctl', fd: from('master'), request: IOCTL.TIOCSPTLCK, arg: new Uint8Array(4) },
    'unlock its other side',
  )
  writer.child(
    { name: 'ioctl_int', fd: from('master'), request: IOCTL.TIOCGPTPEER, arg: O.RDWR | O.NOCTTY | O.CLOEXEC },
    'open its other side, without a path that could lead elsewhere',
    { as: 'terminal' },
  )
  const size = process.consoleSize
  if (size)
    writer.child(
      { name: 'ioctl', fd: from('terminal'), request: IOCTL.TIOCSWINSZ, arg: windowSize(size) },
      `make it ${size.width} columns by ${size.height} rows`,
    )
  if (process.user.uid !== 0)
    writer.child(
      { name: 'fchown', fd: from('terminal'), owner: process.user.uid, group: -1 },
      'give the terminal to the user who works at it',
    )
  if (console) mountConsole(writer)
  writer.child(
    { name: 'ioctl_int', fd: from('terminal'), request: IOCTL.TIOCSCTTY, arg: 0 },
    'make it the controlling terminal of the session',
  )
  for (const newfd of [0, 1, 2])
    writer.child({ name: 'dup3', oldfd: from('terminal'), newfd, flags: 0 }, `make it standard ${streams[newfd]}`)
  writer.child(
    { name: 'dup3', oldfd: from('master'), newfd: terminalMaster, flags: O.CLOEXEC },
    'leave the master where the runtime takes it',
  )
}

const streams = ['input', 'output', 'error']

function windowSize({ height, width }: { height: number; width: number }): Uint8Array {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, height, true)
  view.setUint16(2, width, true)
  return bytes
}

function mountConsole(writer: PlanWriter): void {
  const dirfd = from(writer.directory('/dev'))
  writer.child(
    {
      name: 'openat',
      dirfd,
      pathname: 'console',
      flags: O.CREAT | O.NOFOLLOW | O.NONBLOCK | O.NOCTTY | O.CLOEXEC,
      mode: 0o600,
    },
    'make the empty file /dev/console to mount on',
  )
  writer.child(
    {
      name: 'open_tree',
      dirfd: from('terminal'),
      pathname: '',
      flags: OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | AT.EMPTY_PATH,
    },
    'take the terminal as a mount',
    { as: 'console' },
  )
  writer.child(
    {
      name: 'move_mount',
      from_dirfd: from('console'),
      from_pathname: '',
      to_dirfd: dirfd,
      to_pathname: 'console',
      flags: MOVE_MOUNT.F_EMPTY_PATH,
    },
    'mount it on /dev/console',
  )
}
