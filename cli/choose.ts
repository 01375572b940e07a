// Asks which of several images a short name means. containers-registries.conf(5), "short-name-mode".

import { UserError } from '../core/errors.ts'
import type { Kernel } from '../core/kernel.ts'
import { askLine, mayAsk } from './prompt.ts'

/** Undefined where nobody can be asked. */
export function chooser(kernel: Kernel): ((names: readonly string[]) => Promise<string>) | undefined {
  if (!mayAsk()) return undefined
  return async (names) => {
    const list = names.map((name, index) => `  ${index + 1}  ${name}`).join('\n')
    const answer = (await askLine(kernel, `Which image is meant?\n${list}\n1 to ${names.length} [1]: `)).trim()
    const chosen = names[answer === '' ? 0 : Number(answer) - 1] ?? names.find((name) => name === answer)
    if (chosen === undefined) throw new UserError(`${JSON.stringify(answer)}: none of the numbers 1 to ${names.length}`)
    return chosen
  }
}
