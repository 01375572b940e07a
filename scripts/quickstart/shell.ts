// Commands as the reader would type them: printed with their output, so that every claim has its proof above it.

import { type Ended, execute, quoted } from './place.ts'

export const title = (text: string): void => console.log(`\n\x1b[1m${text}\x1b[0m`)
export const say = (text: string): void => console.log(text)

export interface ShowOptions {
  /** Exit codes besides 0 that are as they should be. */
  readonly codes?: readonly number[]
  readonly quiet?: boolean
  /** At most so many lines are printed. */
  readonly lines?: number
}

/** Runs a command. Prints it and what it prints; throws when it fails. */
export function show(words: readonly string[], options: ShowOptions = {}): Ended {
  const { stdout, stderr, code } = execute(words)
  if (!options.quiet) {
    say(`$ ${words.map(quoted).join(' ')}`)
    const lines = `${stdout}${stderr}`.trimEnd().split('\n')
    const shown = lines.slice(0, options.lines ?? lines.length)
    if (lines.length > 1 || lines[0] !== '') for (const line of shown) say(line)
    if (shown.length < lines.length) say(`... ${lines.length - shown.length} more lines`)
  }
  if (code !== 0 && !options.codes?.includes(code)) throw new Error(`${words.join(' ')}: exit code ${code}: ${stderr}`)
  return { stdout, stderr, code }
}

/** A claim that the reader was promised: told when it holds, an error when it does not. */
export function claim(holds: boolean, text: string): void {
  if (!holds) throw new Error(`not so: ${text}`)
  say(`  ✓ ${text}`)
}
