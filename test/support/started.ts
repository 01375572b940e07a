// Programs that run beside each other on a machine of guests, and pipes to them.

import { runUntil } from '../../sim/run.ts'
import type { Task } from '../../sim/task.ts'
import type { GuestMachine } from './guests.ts'

/** @param fds - descriptors of process 1, and what they are to the program; it has no others */
export function started(
  { kernel, call }: GuestMachine,
  path: string,
  argv: readonly string[],
  fds: readonly (readonly [number, number])[],
  before: (pid: number, task: Task) => void = () => {},
): Task {
  const pid = call({ name: 'fork' }).value
  const task = kernel.lastBorn!
  before(pid, task)
  for (const [oldfd, newfd] of fds) kernel.call(task, { name: 'dup2', oldfd, newfd })
  kernel.call(task, { name: 'close_range', first: 3, last: 100, flags: 0 })
  kernel.call(task, { name: 'execve', pathname: path, argv: [path.split('/').at(-1)!, ...argv], envp: [] })
  return task
}

/** Where is read, and where is written. */
export function pipe({ call }: GuestMachine): [number, number] {
  const view = new DataView(call({ name: 'pipe2', pipefd: 8, flags: 0 }).data!.buffer)
  return [view.getInt32(0, true), view.getInt32(4, true)]
}

export const read = ({ call }: GuestMachine, fd: number): string =>
  new TextDecoder().decode(call({ name: 'read', fd, buf: 65_536 }).data)

export function write({ call }: GuestMachine, path: string, text: string, mode = 0o644): void {
  const fd = call({ name: 'openat', dirfd: -100, pathname: path, flags: 0o1101, mode }).value
  call({ name: 'write', fd, buf: text })
  call({ name: 'close', fd })
}

export interface Running {
  readonly task: Task
  /** What it has written by now, as long as it writes; it waits for that. */
  readonly says: () => string
  /** All that its standard input has. */
  readonly hears: (text: string) => void
}

/** Started between two pipes. */
export function running(
  machine: GuestMachine,
  path: string,
  argv: readonly string[],
  before?: (task: Task) => void,
): Running {
  const { kernel } = machine
  const [from, into] = pipe(machine)
  const [input, feed] = pipe(machine)
  const task = started(
    machine,
    path,
    argv,
    [
      [input, 0],
      [into, 1],
      [into, 2],
    ],
    (_pid, one) => before?.(one),
  )
  for (const fd of [into, input]) machine.call({ name: 'close', fd })
  const says = () => {
    const ready = () => {
      const polled = kernel.call(kernel.init, {
        ...{ name: 'ppoll', fds: [{ fd: from, events: 1 }], tmo_p: 0n, sigmask: 0, sigsetsize: 8 },
      })
      return !!polled && 'value' in polled && polled.value > 0
    }
    if (!runUntil(kernel, ready)) throw new Error(`${path} says nothing`)
    return read(machine, from)
  }
  const hears = (text: string) => {
    machine.call({ name: 'write', fd: feed, buf: text })
    machine.call({ name: 'close', fd: feed })
  }
  return { task, says, hears }
}
