// The descriptor from which a listener reads the system calls that a filter hands to it. OCI config-linux.md, "Seccomp",
// "The Container Process State"; seccomp_unotify(2).

import { signalProcess } from '../engine/foreground.ts'
import { RefusedError } from '../errors.ts'
import { close, list, must, readLink } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import { startFd } from '../launch/plan.ts'
import { ociVersion } from '../spec/defaults.ts'
import type { LinuxSeccomp } from '../spec/types.ts'
import { markOf } from '../store/alive.ts'
import type { StateDocument } from './hooks.ts'
import { sendDescriptor } from './socket.ts'

const SIGKILL = 9

/** The process that waits, behind its filter. */
export interface FilteredProcess {
  /** As the runtime sees it. */
  readonly pid: number
  readonly seccomp: LinuxSeccomp | undefined
  /** Of its container. */
  readonly state: StateDocument
}

/** Takes what seccomp(2) has answered the process with: the last such descriptor, as those handed on come before it. */
function take(kernel: Kernel, pid: number, tried: string): number {
  const own = list(kernel, `/proc/${pid}/fd`)
    .map(Number)
    .filter((fd) => fd < startFd && readLink(kernel, `/proc/${pid}/fd/${fd}`).target === 'anon_inode:seccomp notify')
  if (own.length === 0) throw new RefusedError(tried, 'EBADF')
  const process = must(kernel.call({ name: 'pidfd_open', pid, flags: 0 }), tried).value
  const taken = kernel.call({ name: 'pidfd_getfd', pidfd: process, targetfd: Math.max(...own), flags: 0 })
  close(kernel, process)
  return must(taken, tried).value
}

/**
 * Hands the listener's descriptor of a process that waits to the listener. Whoever cannot be listened to must not go on: it
 * would wait for ever at its first call.
 *
 * @errors RefusedError naming the socket; the process is killed then
 */
export function handOverListener(kernel: Kernel, { pid, seccomp, state }: FilteredProcess): void {
  const path = seccomp?.listenerPath ?? ''
  const tried = `hand over the system calls to the seccomp listener ${path}`
  try {
    const fd = take(kernel, pid, tried)
    try {
      const metadata = seccomp?.listenerMetadata
      const document = { ociVersion, fds: ['seccompFd'], pid, ...(metadata && { metadata }), state }
      sendDescriptor(kernel, path, fd, JSON.stringify(document), tried)
    } finally {
      close(kernel, fd)
    }
  } catch (error) {
    const mark = markOf(kernel, pid)
    if (mark !== undefined) signalProcess(kernel, mark, SIGKILL)
    throw error
  }
}
