// Parses argv by a table with podman's grammar: -it, -p8081:80, --memory=512m, --memory 512m, --rm=false, --.

import { UserError } from '../../core/errors.ts'
import { nearest } from './nearest.ts'
import { type CommandFlags, type Flag, findFlag } from './table.ts'

/** What was given. Asking for a flag that the table lacks is a mistake of ours, and throws. */
export interface ParsedFlags {
  /** Whether the flag was given, even as `--rm=false`. */
  readonly has: (name: string) => boolean
  /** A switch's value; `otherwise` (false) when it was not given. */
  readonly on: (name: string, otherwise?: boolean) => boolean
  /** The last value given. */
  readonly text: (name: string) => string | undefined
  /** Every value given, in order. */
  readonly all: (name: string) => readonly string[]
  /** The words that are no flags. */
  readonly words: readonly string[]
}

const truth: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false] as const),
])

/** Commas part values, but not inside double quotes: `a,"b,c"` is a and b,c. */
export function splitList(value: string): readonly string[] {
  if (!value.includes('"')) return value.split(',')
  const parts: string[] = []
  let part = ''
  let quoted = false
  for (const character of value) {
    if (character === '"') quoted = !quoted
    else if (character === ',' && !quoted) {
      parts.push(part)
      part = ''
    } else part += character
  }
  return [...parts, part]
}

function unknownLong(command: CommandFlags, name: string): UserError {
  if (command.podmanOnly.some((entry) => entry.split(' ')[0] === name))
    return new UserError(`--${name} is podman's, and vitrine does not have it yet`)
  const near = nearest(
    name,
    command.flags.map((flag) => flag.name),
  )
  return new UserError(`unknown flag: --${name}${near === undefined ? '' : ` (did you mean --${near}?)`}`)
}

function unknownShort(command: CommandFlags, letter: string, word: string): UserError {
  const podmans = command.podmanOnly.find((entry) => entry.endsWith(` ${letter}`))
  if (podmans !== undefined)
    return new UserError(`-${letter} (--${podmans.split(' ')[0]}) is podman's, and vitrine does not have it yet`)
  return new UserError(`unknown flag: -${letter}${word.length > 2 ? ` in ${word}` : ''}`)
}

/**
 * Reads a command's words.
 *
 * @param argv - what follows the command's name
 * @errors UserError for a flag that is not in the table (saying whether podman has it), a value that is missing, and a
 *   switch's value that is neither true nor false
 */
export function parseFlags(command: CommandFlags, argv: readonly string[]): ParsedFlags {
  const given = new Map<string, string[]>()
  const known = new Set(command.flags.map((flag) => flag.name))
  const words: string[] = []
  const give = (flag: Flag, spelling: string, value: string) => {
    if (flag.kind === 'switch' && !truth.has(value)) throw new UserError(`${spelling}=${value}: must be true or false`)
    const values = flag.kind === 'list' ? splitList(value) : [value]
    const before = given.get(flag.name)
    if (before === undefined) given.set(flag.name, [...values])
    else before.push(...values)
  }
  let index = 0
  const next = (flag: Flag, spelling: string): string => {
    if (flag.bare && !flag.bare.words.includes(argv[index] ?? '')) return flag.bare.value
    const value = argv[index++]
    if (value === undefined) throw new UserError(`flag needs a value: ${spelling}`)
    return value
  }
  const long = (word: string) => {
    const equals = word.indexOf('=')
    const name = word.slice(2, equals < 0 ? undefined : equals)
    const flag = findFlag(command.flags, name)
    if (flag === undefined) throw unknownLong(command, name)
    const spelling = `--${name}`
    if (equals >= 0) give(flag, spelling, word.slice(equals + 1))
    else give(flag, spelling, flag.kind === 'switch' ? 'true' : next(flag, spelling))
  }
  const short = (word: string) => {
    for (let at = 1; at < word.length; at++) {
      const letter = word[at]!
      const flag = command.flags.find((each) => each.short === letter)
      if (flag === undefined) throw unknownShort(command, letter, word)
      const spelling = `-${letter}`
      const rest = word.slice(at + 1)
      if (rest.startsWith('=')) return give(flag, spelling, rest.slice(1))
      if (flag.kind !== 'switch') return give(flag, spelling, rest === '' ? next(flag, spelling) : rest)
      give(flag, spelling, 'true')
    }
  }
  while (index < argv.length) {
    const word = argv[index++]!
    if (word === '--') break
    if (word.startsWith('--')) long(word)
    else if (word.startsWith('-') && word !== '-') short(word)
    else {
      words.push(word)
      if (command.endsAtFirstWord) break
    }
  }
  words.push(...argv.slice(index))
  const valuesOf = (name: string): readonly string[] => {
    if (!known.has(name)) throw new Error(`no flag --${name} in this command's table`)
    return given.get(name) ?? []
  }
  return {
    words,
    has: (name) => valuesOf(name).length > 0,
    on: (name, otherwise = false) => truth.get(valuesOf(name).at(-1) ?? '') ?? otherwise,
    text: (name) => valuesOf(name).at(-1),
    all: valuesOf,
  }
}
