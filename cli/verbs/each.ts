// One command on several containers: all are tried, each failure is told, and the exit code says that there was one.

import { UserError } from '../../core/errors.ts'
import { printError } from '../output.ts'

export function needWords(words: readonly string[], what: string): void {
  if (words.length === 0) throw new UserError(`no ${what} was named: give at least one`)
}

/** @returns 0, or the exit code of the last failure */
export async function each(names: readonly string[], act: (name: string) => Promise<void>): Promise<number> {
  let code = 0
  for (const name of names) {
    try {
      await act(name)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      printError(error.message)
      code = error.exitCode
    }
  }
  return code
}
