// The descriptors between a caller and a monitor: pipes and FIFOs, and which end belongs to whom.

import { RefusedError } from '../errors.ts'
import { type Kernel, type MonitorOptions, type Outcome, refused } from '../kernel.ts'

const AT_FDCWD = -100
const O_WRONLY = 1
const O_RDWR = 2
const O_CREAT = 0o100
const O_APPEND = 0o2000
const O_NONBLOCK = 0o4000
const O_DIRECTORY = 0o200000
const O_CLOEXEC = 0o2000000
const S_IFIFO = 0o010000
const F_SETFL = 4

/** The descriptors of the monitor, by what they are for. */
export const monitorFds = {
  job: 3,
  events: 4,
  control: 5,
  stdout: 6,
  stderr: 7,
  forwardStdout: 8,
  forwardStderr: 9,
  directory: 10,
  log: 11,
  stdin: 12,
  childStdout: 13,
  childStderr: 14,
  start: 15,
  report: 16,
  keepStdin: 17,
} as const
export type MonitorFd = keyof typeof monitorFds
/** Where the child finds the descriptor on which it tells of waits and refusals. */
export const reportFd = 1002
/** What only the child needs: the monitor closes its copies once that is there. */
export const childOnly: readonly MonitorFd[] = ['stdin', 'childStdout', 'childStderr', 'start', 'report']

type Caller = Pick<Kernel, 'call'>

export interface MonitorDescriptors {
  /** What the monitor gets, by name. */
  readonly monitor: ReadonlyMap<MonitorFd, number>
  /** What the caller closes once the monitor has its copies. */
  readonly monitorOnly: readonly number[]
  /** What the caller keeps. */
  readonly caller: ReadonlyMap<'events' | 'control' | 'start' | 'report', number>
}

function value(outcome: Outcome, tried: string): number {
  if (refused(outcome)) throw new RefusedError(tried, outcome.errno)
  return outcome.value
}

export function closeAll(kernel: Caller, fds: Iterable<number>): void {
  for (const fd of fds) kernel.call({ name: 'close', fd })
}

/**
 * Opens all that the options ask for; on a refusal closes what was opened and throws.
 *
 * @param shared - the child has the caller's standard streams, not pipes that the monitor reads
 */
export function openDescriptors(kernel: Caller, options: MonitorOptions, shared = false): MonitorDescriptors {
  const monitor = new Map<MonitorFd, number>()
  const monitorOnly: number[] = []
  const caller = new Map<'events' | 'control' | 'start' | 'report', number>()
  const pipe = (flags = 0): [number, number] => {
    const answer = kernel.call({ name: 'pipe2', pipefd: 8, flags: O_CLOEXEC | flags })
    if (refused(answer)) throw new RefusedError('pipe2', answer.errno)
    const ends = new DataView(answer.data!.buffer, answer.data!.byteOffset)
    return [ends.getInt32(0, true), ends.getInt32(4, true)]
  }
  const open = (path: string, flags: number, mode = 0) =>
    value(
      kernel.call({ name: 'openat', dirfd: AT_FDCWD, pathname: path, flags: flags | O_CLOEXEC, mode }),
      `open ${path}`,
    )
  const give = (name: MonitorFd, fd: number, ours: boolean) => {
    monitor.set(name, fd)
    if (ours) monitorOnly.push(fd)
  }
  /** A standard stream, which a program of any user may open again as /dev/stdin or /dev/stdout: the mode is the pipe's. */
  const stream = (): [number, number] => {
    const ends = pipe()
    kernel.call({ name: 'fchmod', fd: ends[0], mode: 0o666 })
    return ends
  }
  try {
    const [eventsRead, eventsWrite] = pipe()
    caller.set('events', eventsRead)
    give('events', eventsWrite, true)
    const [controlRead, controlWrite] = pipe()
    give('control', controlRead, true)
    caller.set('control', controlWrite)
    kernel.call({ name: 'fcntl', fd: controlRead, cmd: F_SETFL, arg: O_NONBLOCK })
    if (shared) {
      give('stdin', 0, false)
      give('childStdout', 1, false)
      give('childStderr', 2, false)
    } else if (!options.terminal) {
      const [outRead, outWrite] = stream()
      give('stdout', outRead, true)
      give('childStdout', outWrite, true)
      const [errRead, errWrite] = stream()
      give('stderr', errRead, true)
      give('childStderr', errWrite, true)
    }
    if (options.forward !== undefined) {
      give('forwardStdout', options.forward.stdout, false)
      give('forwardStderr', options.forward.stderr, false)
    }
    if (options.stdin !== undefined) give('stdin', options.stdin, false)
    else if (!options.terminal && !shared) {
      // Not the host's /dev/null: whoever has a descriptor of it may change its mode, for all of the host.
      const [empty, closed] = stream()
      kernel.call({ name: 'close', fd: closed })
      give('stdin', empty, true)
    }
    if (options.keepStdin !== undefined) give('keepStdin', options.keepStdin, false)
    if (options.log !== undefined) give('log', open(options.log.path, O_WRONLY | O_CREAT | O_APPEND, 0o600), true)
    if (options.directory === undefined) {
      const [startRead, startWrite] = pipe()
      give('start', startRead, true)
      caller.set('start', startWrite)
      const [reportRead, reportWrite] = pipe()
      caller.set('report', reportRead)
      give('report', reportWrite, true)
    } else {
      give('directory', open(options.directory, O_DIRECTORY), true)
      openFifos(kernel, options.directory, open, give, caller)
    }
    return { monitor, monitorOnly, caller }
  } catch (error) {
    closeAll(kernel, monitorOnly)
    closeAll(kernel, caller.values())
    throw error
  }
}

/** FIFOs have names, so that another caller can release the child and hear of it later. fifo(7). */
function openFifos(
  kernel: Caller,
  directory: string,
  open: (path: string, flags: number) => number,
  give: (name: MonitorFd, fd: number, ours: boolean) => void,
  caller: Map<'events' | 'control' | 'start' | 'report', number>,
): void {
  for (const name of ['start', 'report']) {
    const made = kernel.call({
      name: 'mknodat',
      dirfd: AT_FDCWD,
      pathname: `${directory}/${name}`,
      mode: S_IFIFO | 0o600,
      dev: 0,
    })
    if (refused(made) && made.errno !== 'EEXIST')
      throw new RefusedError(`make the FIFO ${directory}/${name}`, made.errno)
  }
  // Read and write: the child must not see the end of file when no caller is there.
  give('start', open(`${directory}/start`, O_RDWR), true)
  caller.set('start', open(`${directory}/start`, O_RDWR))
  caller.set('report', open(`${directory}/report`, O_NONBLOCK))
  give('report', open(`${directory}/report`, O_WRONLY), true)
}
