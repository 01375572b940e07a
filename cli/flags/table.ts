// Flag tables: one entry per flag, from which the parser, the help and the completion are made.

export interface Flag {
  /** Without the dashes. */
  readonly name: string
  readonly short?: string
  /**
   * switch: true or false, takes a value only with `=`. text: one value, the last one wins. texts: a value each time it is
   * given. list: as texts, and a comma parts values too.
   */
  readonly kind: 'switch' | 'text' | 'texts' | 'list'
  readonly help: string
  /** What the value is called in the help: `BYTES`. */
  readonly value?: string
  /** Other spellings that mean the same. */
  readonly aliases?: readonly string[]
  /** A value that need not be given: `value` is meant when the next word is none of `words`. */
  readonly bare?: { readonly value: string; readonly words: readonly string[] }
}

export interface CommandFlags {
  readonly flags: readonly Flag[]
  /** The first word that is no flag ends the flags: what follows is the container's. */
  readonly endsAtFirstWord?: boolean
  /** Names (and `-x` letters after a space) of podman's flags for this command that vitrine does not have. */
  readonly podmanOnly: readonly string[]
  /** The words after the flags, for the usage line: `IMAGE [COMMAND [ARG...]]`. */
  readonly usage: string
  readonly summary: string
}

/** The names of a table's flags, and their other spellings' meaning. */
export function findFlag(flags: readonly Flag[], name: string): Flag | undefined {
  return flags.find((flag) => flag.name === name || flag.aliases?.includes(name) === true)
}

export const help: Flag = { name: 'help', kind: 'switch', help: 'show this help' }

export const all = (what: string): Flag => ({ name: 'all', short: 'a', kind: 'switch', help: what })
export const format: Flag = {
  name: 'format',
  kind: 'text',
  value: 'TEMPLATE',
  help: 'json, or a template such as {{.ID}}',
}
export const shortFormat: Flag = { ...format, short: 'f' }
export const noTrunc: Flag = { name: 'no-trunc', kind: 'switch', help: 'show ids and commands whole' }
export const filter: Flag = {
  name: 'filter',
  short: 'f',
  kind: 'texts',
  value: 'KEY=VALUE',
  help: 'only those that match',
}
/** Of commands where -f is --force. */
export const pruneFilter: Flag = { name: 'filter', kind: 'texts', value: 'KEY=VALUE', help: 'only those that match' }
