// The terminal of a container goes to whoever asked for it: the master's descriptor over a unix socket.

import { RefusedError } from '../errors.ts'
import { close } from '../files.ts'
import { type Kernel, type Launched, refused } from '../kernel.ts'
import { terminalMaster } from '../launch/plan.ts'
import { sendDescriptor } from './socket.ts'

/** Takes the master of the terminal of a child that waits. @returns a descriptor of the caller's own */
export function takeTerminal(launched: Pick<Launched, 'take'>): number {
  const taken = launched.take(terminalMaster)
  if (refused(taken)) throw new RefusedError("take the container's terminal", taken.errno)
  return taken.value
}

/**
 * Takes the terminal of a child that waits, and sends it, with the name of the device as the message.
 *
 * @errors RefusedError naming the socket
 */
export function handOverTerminal(kernel: Kernel, launched: Pick<Launched, 'take'>, path: string): void {
  const master = takeTerminal(launched)
  try {
    sendDescriptor(kernel, path, master, '/dev/ptmx', `hand over the terminal on the console socket ${path}`)
  } finally {
    close(kernel, master)
  }
}
