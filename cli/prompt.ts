// Questions to the user on the terminal, answered with a line.

import { isatty } from 'node:tty'
import { UserError } from '../core/errors.ts'
import { type Kernel, refused } from '../core/kernel.ts'
import { print } from './output.ts'
import { hideTyping } from './raw-mode.ts'

const signals = ['SIGINT', 'SIGTERM'] as const
const decoder = new TextDecoder()

/** Whether somebody can be asked: input and output are a terminal. */
export const mayAsk = (): boolean => isatty(0) && isatty(1)

/** A line from standard input, without its end. @errors UserError when the input has ended */
async function readLine(kernel: Kernel): Promise<string> {
  let line = ''
  while (!line.endsWith('\n')) {
    // A terminal gives a line at a time.
    const answer = await kernel.wait({ name: 'read', fd: 0, buf: 4096 })
    if (refused(answer) && (answer.errno === 'EINTR' || answer.errno === 'EAGAIN')) continue
    if (refused(answer) || answer.value === 0) throw new UserError('there was no answer')
    line += decoder.decode(answer.data!)
  }
  return line.replace(/\r?\n$/, '')
}

/** Asks for a line. */
export async function askLine(kernel: Kernel, question: string): Promise<string> {
  print(question)
  return await readLine(kernel)
}

/** Asks for a line that is not shown while it is typed. */
export async function askSecret(kernel: Kernel, question: string): Promise<string> {
  const restore = hideTyping(kernel, 0)
  // A signal's default action would leave the terminal mute.
  const interrupted = (_name: string, signal: number) => {
    restore()
    print('\n')
    // process.exit() would wait for the thread that reads.
    kernel.call({ name: 'exit_group', status: 128 + signal })
  }
  for (const signal of signals) process.once(signal, interrupted)
  try {
    print(question)
    return await readLine(kernel)
  } finally {
    for (const signal of signals) process.off(signal, interrupted)
    restore()
    print('\n')
  }
}
