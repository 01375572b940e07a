// This process's standard input, terminal and signals, handed to a simulated machine.

import { spawnSync } from 'node:child_process'
import { printError } from '../output.ts'
import type { LiveInputs } from './inputs.ts'

/** Systems that lack one never send it. */
const handedOn = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12, SIGTERM: 15, SIGCONT: 18 } as const
/** A program may take no notice, and nobody else can come to the machine meanwhile. */
const patienceSignals = 3

/** @returns what gives them back */
export function listen(
  inputs: LiveInputs,
  wanted: { readonly interactive: boolean; readonly terminal: boolean },
): () => void {
  const { stdin, stdout } = process
  const ends: (() => void)[] = []
  let interrupts = 0
  for (const [name, signal] of Object.entries(handedOn)) {
    const hand = () => {
      if (name === 'SIGINT') interrupts += 1
      if (interrupts === patienceSignals) giveUp(ends)
      inputs.arrive({ kind: 'signal', signal })
    }
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
      if (wanted.terminal) ends.push(makeRaw())
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

function giveUp(ends: readonly (() => void)[]): never {
  for (const end of [...ends].reverse()) end()
  printError('the program takes no notice of SIGINT: it is left, and on the machine this command has not happened')
  process.exit(130)
}

/** Every key goes to the machine. Node leaves line feeds to be turned into two characters, which its terminal has done already. */
function makeRaw(): () => void {
  const { stdin } = process
  stdin.setRawMode(true)
  if (process.platform !== 'win32') spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] })
  return () => stdin.setRawMode(false)
}
