// The command line of runc and crun: global flags, a command, its flags, its arguments.

import { UserError } from '../../core/errors.ts'

/** What a flag takes: nothing, a value, or a value each time that it is given. */
export type FlagKind = 'switch' | 'value' | 'values'

export interface FlagTable {
  readonly [name: string]: { readonly kind: FlagKind; readonly short?: string; readonly means: string }
}

/** The flags that were given. */
export class Flags {
  readonly #given = new Map<string, string[]>()

  add(name: string, value: string): void {
    this.#given.set(name, [...(this.#given.get(name) ?? []), value])
  }

  has(name: string): boolean {
    const last = this.#given.get(name)?.at(-1)
    return last !== undefined && last !== 'false'
  }

  /** The last one counts. */
  value(name: string): string | undefined {
    return this.#given.get(name)?.at(-1)
  }

  values(name: string): readonly string[] {
    return this.#given.get(name) ?? []
  }

  /** @errors UserError when it is no integer */
  integer(name: string): number | undefined {
    const text = this.value(name)
    if (text === undefined) return undefined
    if (!/^-?\d+$/.test(text)) throw new UserError(`--${name}=${text}: must be an integer`)
    return Number(text)
  }
}

/**
 * Reads flags, `--name value`, `--name=value`, `-n value`, and with one dash as runc takes them too.
 *
 * @param through - also behind arguments; otherwise what follows the first argument is left as it is
 * @errors UserError for a flag that there is not, or that lacks its value
 */
export function parseFlags(
  words: readonly string[],
  table: FlagTable,
  through: boolean,
): { readonly flags: Flags; readonly rest: readonly string[] } {
  const flags = new Flags()
  const rest: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    if (word === '--') return { flags, rest: [...rest, ...words.slice(at + 1)] }
    if (!word.startsWith('-') || word === '-') {
      if (!through) return { flags, rest: words.slice(at) }
      rest.push(word)
      continue
    }
    const [, given = '', value] = /^--?([^=]+)(?:=(.*))?$/s.exec(word) ?? []
    const name = Object.keys(table).find((each) => each === given || table[each]!.short === given)
    if (name === undefined) throw new UserError(`unknown flag ${word.split('=')[0]}`)
    const { kind } = table[name]!
    if (kind === 'switch') flags.add(name, value ?? 'true')
    else if (value !== undefined) flags.add(name, value)
    else if (at + 1 < words.length) flags.add(name, words[++at]!)
    else throw new UserError(`flag ${word} needs a value`)
  }
  return { flags, rest }
}
