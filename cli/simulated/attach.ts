// The foreground of a container on a simulated machine: as cli/attach.ts, by calls of the machine alone, so that it replays.

import { refused } from '../../core/kernel.ts'
import type { Attach } from '../context.ts'
import type { Inputs } from './inputs.ts'

const TIOCSWINSZ = 0x5414

/** @param begin - called with what is wanted of standard input and the terminal: whoever is there begins to listen */
export function attachSimulated(
  inputs: Inputs,
  begin: (wanted: { readonly interactive: boolean; readonly terminal: boolean }) => void,
): Attach {
  return (kernel, wanted) => {
    let pumping: Promise<void> | undefined
    let master: number | undefined
    const resize = (columns: number, rows: number) => {
      const size = new Uint8Array(new Uint16Array([rows, columns, 0, 0]).buffer)
      if (master !== undefined) kernel.call({ name: 'ioctl', fd: master, request: TIOCSWINSZ, arg: size })
    }
    const copy = async (from: number, to: number) => {
      for (;;) {
        const read = await kernel.wait({ name: 'read', fd: from, buf: 65536 })
        if (refused(read) || read.value === 0) return // EIO: the last process has closed the terminal
        for (let rest = read.data!.subarray(0, read.value); rest.length > 0; ) {
          const written = await kernel.wait({ name: 'write', fd: to, buf: rest })
          if (refused(written)) return
          rest = rest.subarray(written.value)
        }
      }
    }
    const terminal = (fd: number) => {
      master = fd
      inputs.onSize.add(resize)
      begin(wanted)
      pumping = copy(fd, 1)
      if (wanted.interactive) copy(0, fd).catch(() => {})
    }
    if (!wanted.terminal) begin(wanted)
    return {
      attachment: {
        ...(wanted.interactive && !wanted.terminal ? { stdin: 0 } : {}),
        ...{ stdout: 1, stderr: 2 },
        started: (process_) => void inputs.onSignal.add((signal) => process_.signal(signal)),
        ...(wanted.terminal ? { terminal } : {}),
      },
      end: async () => {
        inputs.onSignal.clear()
        inputs.onSize.delete(resize)
        inputs.typed.end()
        inputs.nudge()
        await pumping
        if (master !== undefined) kernel.call({ name: 'close', fd: master })
      },
    }
  }
}
