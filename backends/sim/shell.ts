// A shell on a simulated machine itself, not in a container: what sshd(8) does for a session.

import type { Attachment } from '../../core/engine/types.ts'
import { must, open } from '../../core/files.ts'
import type { Kernel as Door } from '../../core/kernel.ts'
import type { Syscall } from '../../core/syscall.ts'
import type { Kernel } from '../../sim/kernel.ts'
import { expectDone } from './sessions.ts'

const [O_RDWR, O_NOCTTY] = [2, 0o400]
const [TIOCSPTLCK, TIOCGPTN, TIOCSCTTY] = [0x40045431, 0x80045430, 0x540e]

/**
 * Runs it to its end.
 *
 * @param door - of the session's task
 * @param words - of the command, which the shell reads joined by blanks, as ssh(1) has it; none: a login shell
 * @param attachment - with a terminal, or the descriptors of the task
 * @returns the exit status, 128 + n after signal n
 */
export async function runShell(
  machine: Kernel,
  door: Door,
  words: readonly string[],
  variables: Readonly<Record<string, string>>,
  attachment: Attachment,
): Promise<number> {
  const terminal = attachment.terminal && openTerminal(door)
  const { value: pid } = must(door.call({ name: 'clone3', cl_args: { flags: 0, exit_signal: 17 } }), 'clone3')
  const child = machine.lastBorn!
  const make = (call: Syscall): number => expectDone(machine, child, call)
  make({ name: 'setsid' })
  if (terminal) {
    const slave = make({ name: 'openat', dirfd: -100, pathname: terminal.path, flags: O_RDWR, mode: 0 })
    for (const newfd of [0, 1, 2]) make({ name: 'dup2', oldfd: slave, newfd })
    for (const fd of [terminal.master, slave]) make({ name: 'close', fd })
    make({ name: 'ioctl_int', fd: 0, request: TIOCSCTTY, arg: 0 })
    attachment.terminal?.(terminal.master)
  }
  const envp = Object.entries({ ...variables, SHELL: '/bin/sh', ...(terminal && { TERM: 'xterm' }) })
  const argv = words.length === 0 ? ['-sh'] : ['sh', '-c', words.join(' ')]
  make({ name: 'execve', pathname: '/bin/sh', argv, envp: envp.map(([name, value]) => `${name}=${value}`) })
  const name = 'shell'
  const signal = (sig: number) => void door.call({ name: 'kill', pid: -pid, sig })
  attachment.started?.({ id: name, name, pid, signal })
  const { data } = must(await door.wait({ name: 'wait4', pid, wstatus: 4, options: 0, rusage: 0 }), 'wait4')
  const status = new DataView(data!.buffer, data!.byteOffset).getInt32(0, true)
  return status & 127 ? 128 + (status & 127) : (status >> 8) & 255
}

/** Of the machine's own devpts. */
function openTerminal(door: Door): { readonly master: number; readonly path: string } {
  const master = open(door, '/dev/ptmx', O_RDWR + O_NOCTTY)
  const control = (request: number) =>
    must(door.call({ name: 'ioctl', fd: master, request, arg: new Uint8Array(4) }), 'ioctl of a terminal').data!
  control(TIOCSPTLCK)
  const number = control(TIOCGPTN)
  return { master, path: `/dev/pts/${new DataView(number.buffer, number.byteOffset).getInt32(0, true)}` }
}
