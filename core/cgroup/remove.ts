// The processes of a container's cgroups: to list them, to end them all, and to remove the cgroups after them.

import { RefusedError, UserError } from '../errors.ts'
import { AT_FDCWD, AT_REMOVEDIR, close, entriesOf, must, O, readTextIfThere, stat, writeInto } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import { type Sleep, unpause } from './freeze.ts'
import type { CgroupPaths } from './paths.ts'

const SIGKILL = 9
/** d_type of a directory, readdir(3). */
const DT_DIR = 4
/** How long processes may take to go after SIGKILL, and the kernel to let go of an empty cgroup. */
const patienceMs = 10_000

/** The pids of all processes, also in cgroups below, each once, ascending. cgroups(7), cgroup.procs. */
export function processes(kernel: Kernel, paths: CgroupPaths): number[] {
  const pids = new Set<number>()
  // every process of the container is in every hierarchy, so that one of them tells
  const top = directories(paths)[0]!
  for (const each of tree(kernel, top)) {
    // processes of threaded cgroups are listed by the first one above that is not threaded
    const absent = ['ENOENT', 'ENODEV', ...(each === top ? [] : (['EOPNOTSUPP'] as const))] as const
    const text = readTextIfThere(kernel, `${each}/cgroup.procs`, absent) ?? ''
    // 0 is a process of another pid namespace, which has no number here
    for (const line of text.split('\n')) if (line !== '' && line !== '0') pids.add(Number(line))
  }
  return [...pids].sort((a, b) => a - b)
}

/** Sends a signal to every process there is now; those that end meanwhile are fine. Gives how many got it. */
export function signalAll(kernel: Kernel, paths: CgroupPaths, signal: number): number {
  const opened: { pid: number; pidfd: number }[] = []
  try {
    for (const pid of processes(kernel, paths)) {
      const outcome = kernel.call({ name: 'pidfd_open', pid, flags: 0 })
      if (!refused(outcome)) opened.push({ pid, pidfd: outcome.value })
    }
    // between the list and the opening a pid may have gone to a stranger: who is still listed is meant
    const still = new Set(processes(kernel, paths))
    let count = 0
    for (const { pid, pidfd } of opened.filter((each) => still.has(each.pid))) {
      const sent = kernel.call({ name: 'pidfd_send_signal', pidfd, sig: signal, info: 0, flags: 0 })
      if (!refused(sent)) count++
      else if (sent.errno !== 'ESRCH') must(sent, `signal process ${pid}`)
    }
    return count
  } finally {
    for (const { pidfd } of opened) close(kernel, pidfd)
  }
}

/**
 * Ends every process with SIGKILL, frozen or not, and waits until none is left.
 * cgroup2 does it in one write, forks included (cgroup.kill, since 5.14); otherwise it is repeated until none is left.
 * @throws UserError when processes are left after ten seconds
 */
export async function killAll(kernel: Kernel, paths: CgroupPaths, sleep: Sleep): Promise<void> {
  if (paths.unified !== undefined) writeInto(kernel, `${paths.unified}/cgroup.kill`, '1')
  for (let waited = 0; ; ) {
    const left = processes(kernel, paths)
    if (left.length === 0) return
    if (waited >= patienceMs)
      throw new UserError(
        `cannot end process ${left.join(', ')} of ${paths.path}: still there ${patienceMs / 1000} seconds after SIGKILL`,
      )
    signalAll(kernel, paths, SIGKILL)
    // frozen tasks of v1 take no signal before they are thawed
    if (paths.v1.freezer !== undefined) unpauseIfThere(kernel, paths)
    const ms = waited < 20 ? 1 : 10
    await sleep(ms)
    waited += ms
  }
}

/**
 * Removes the container's cgroups, with those below them, and the parent when nothing is left in it.
 * Absent ones are fine. Processes must be gone.
 * @param parent - removed when empty; only cgroups that are ours should be named
 * @throws RefusedError when a cgroup stays busy for ten seconds
 */
export async function removeCgroups(
  kernel: Kernel,
  paths: CgroupPaths,
  sleep: Sleep,
  parent = '/vitrine',
): Promise<void> {
  for (const directory of directories(paths)) await removeTree(kernel, directory, sleep)
  if (!paths.path.startsWith(`${parent}/`)) return
  for (const directory of directories(paths))
    rmdir(kernel, directory.slice(0, directory.length - paths.path.length + parent.length))
}

async function removeTree(kernel: Kernel, directory: string, sleep: Sleep): Promise<void> {
  for (let waited = 0; ; ) {
    const outcome = rmdir(kernel, directory)
    if (!refused(outcome) || outcome.errno === 'ENOENT') return
    // Of what is mounted read-only rmdir(2) does not say whether it is there at all.
    if (outcome.errno === 'EROFS' && stat(kernel, directory) === undefined) return
    if (outcome.errno !== 'EBUSY' || waited >= patienceMs) must(outcome, `remove cgroup ${directory}`)
    const below = tree(kernel, directory).slice(1).reverse()
    for (const each of below) rmdir(kernel, each)
    if (below.length > 0 && waited === 0) {
      waited = 1
      continue
    }
    const ms = waited < 20 ? 1 : 10
    await sleep(ms)
    waited += ms
  }
}

function rmdir(kernel: Kernel, directory: string) {
  return kernel.call({ name: 'unlinkat', dirfd: AT_FDCWD, pathname: directory, flags: AT_REMOVEDIR })
}

/** Every directory once, cgroup2 first. */
function directories({ v1, unified }: CgroupPaths): string[] {
  return [...new Set([...(unified === undefined ? [] : [unified]), ...Object.values(v1)])]
}

/** A cgroup and all below it, parents before children; nothing when it is not there. */
function tree(kernel: Kernel, directory: string): string[] {
  const flags = O.RDONLY | O.DIRECTORY | O.CLOEXEC
  const opened = kernel.call({ name: 'openat', dirfd: AT_FDCWD, pathname: directory, flags, mode: 0 })
  if (refused(opened) && opened.errno === 'ENOENT') return []
  const fd = must(opened, `open ${directory}`).value
  try {
    const below = entriesOf(kernel, fd, directory).filter((entry) => entry.type === DT_DIR)
    return [directory, ...below.flatMap((entry) => tree(kernel, `${directory}/${entry.name}`))]
  } catch (error) {
    // systemd removes a scope as soon as it is empty, maybe after it was opened here.
    if (error instanceof RefusedError && error.errno === 'ENOENT') return []
    throw error
  } finally {
    close(kernel, fd)
  }
}

function unpauseIfThere(kernel: Kernel, paths: CgroupPaths): void {
  if (readTextIfThere(kernel, `${paths.v1.freezer}/freezer.state`, ['ENOENT', 'ENODEV']) !== undefined)
    unpause(kernel, paths)
}
