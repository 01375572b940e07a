// This process's standard input, terminal and signals, handed to a simulated machine.

import type { LiveInputs } from './inputs.ts'

const handedOn = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR1: 10, SIGTERM: 15 } as const

/** @returns what gives them back */
export function listen(
  inputs: LiveInputs,
  wanted: { readonly interactive: boolean; readonly terminal: boolean },
): () => void {
  const { stdin, stdout } = process
  const ends: (() => void)[] = []
  for (const [name, signal] of Object.entries(handedOn)) {
    const hand = () => inputs.arrive({ kind: 'signal', signal })
    process.on(name, hand)
    ends.push(() => process.off(name, hand))
  }
  if (wanted.terminal && stdout.isTTY) {
    const resize = () => {
      const [columns, rows] = stdout.getWindowSize()
      inputs.arrive({ kind: 'size', columns, rows })
    }
    resize()
    stdout.on('resize', resize)
    ends.push(() => stdout.off('resize', resize))
  }
  if (wanted.interactive) {
    if (stdin.isTTY) {
      inputs.keepPace()
      if (wanted.terminal) {
        stdin.setRawMode(true)
        ends.push(() => stdin.setRawMode(false))
      }
    }
    const typed = (chunk: Buffer) => inputs.arrive({ kind: 'typed', base64: chunk.toString('base64') })
    const over = () => inputs.arrive({ kind: 'end' })
    stdin.on('data', typed).on('end', over)
    ends.push(() => {
      stdin.off('data', typed).off('end', over)
      stdin.pause()
      stdin.unref?.()
    })
  }
  return () => {
    for (const end of ends.reverse()) end()
  }
}
