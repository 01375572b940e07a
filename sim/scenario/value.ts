// Arguments of a call as strace(1) writes them, read into values: numbers, names, strings, structs, lists and what joins them.

export type Value =
  | { readonly kind: 'number'; readonly number: bigint }
  /** A name of the headers: `O_RDONLY`, `NULL`, `AT_FDCWD`. */
  | { readonly kind: 'name'; readonly name: string }
  /** `cut`: strace left the end out (`"abc"...`). `abstract`: `@"name"`, a socket's. */
  | { readonly kind: 'string'; readonly bytes: Uint8Array; readonly cut: boolean; readonly abstract?: true }
  /** `{st_mode=S_IFREG|0644, ...}`; `open`: it ends in `...`. Parts without a name are called `''`. */
  | { readonly kind: 'struct'; readonly fields: readonly Field[]; readonly open: boolean }
  /** `[TERM CHLD]`; `others`: `~[...]`, all but these. */
  | { readonly kind: 'list'; readonly items: readonly Value[]; readonly others: boolean; readonly open: boolean }
  /** `makedev(0x1, 0x3)`, `WEXITSTATUS(s)`. */
  | { readonly kind: 'apply'; readonly name: string; readonly args: readonly Value[] }
  /** `a|b`, `1<<CAP_CHOWN`, `a == b`, `a && b`. */
  | { readonly kind: 'join'; readonly operator: string; readonly parts: readonly Value[] }
  /** `flags=CLONE_NEWUTS` among the arguments. */
  | { readonly kind: 'named'; readonly name: string; readonly value: Value }
  /** `before => after`: the kernel changed it. */
  | { readonly kind: 'change'; readonly before: Value; readonly after: Value }
  /** `...` or `?`: not said. */
  | { readonly kind: 'anything' }
  /** What is inside of braces or brackets and cannot be read further. */
  | { readonly kind: 'raw'; readonly text: string }

export interface Field {
  readonly name: string
  readonly value: Value
}

/** Text that is no strace output; `at` is the offset of the place. */
export class Unreadable extends Error {
  readonly at: number
  constructor(at: number, expected: string) {
    super(`expected ${expected}`)
    this.at = at
  }
}

const escapes: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, v: 11, f: 12, a: 7, b: 8, e: 27 }
const joining = ['<<', '&&', '||', '==', '|', '*'] as const

/** Reads values from a place in a text on; `at` is how far it has come. */
export class Reader {
  readonly text: string
  at: number

  constructor(text: string, at = 0) {
    this.text = text
    this.at = at
  }

  /** The arguments after an opening parenthesis, up to and with the closing one. */
  arguments(): Value[] {
    return this.#until(')').items
  }

  /** One value and what is joined to it. */
  value(): Value {
    const first = this.#joined(0)
    this.skip()
    if (!this.#eat('=>')) return first
    this.skip()
    return { kind: 'change', before: first, after: this.value() }
  }

  /** Blanks and comments; answers the last comment. */
  skip(): string | undefined {
    let comment: string | undefined
    for (;;) {
      while (this.text[this.at] === ' ' || this.text[this.at] === '\t') this.at += 1
      if (!this.text.startsWith('/*', this.at)) return comment
      const end = this.text.indexOf('*/', this.at)
      if (end < 0) throw new Unreadable(this.at, 'the end of a comment')
      comment = this.text.slice(this.at + 2, end).trim()
      this.at = end + 2
    }
  }

  /** Values up to a closing bracket, between commas or blanks. */
  #until(close: string): { items: Value[]; open: boolean } {
    const items: Value[] = []
    let open = false
    for (;;) {
      this.skip()
      if (this.#eat(close)) return { items, open }
      if (this.at >= this.text.length) throw new Unreadable(this.at, `'${close}'`)
      if (this.text.startsWith('...', this.at)) {
        this.at += 3
        open = true
        if (close === ')') items.push({ kind: 'anything' })
      } else items.push(this.#named())
      this.skip()
      this.#eat(',')
    }
  }

  #named(): Value {
    const name = /^([A-Za-z_][\w.]*)=(?![=>])/.exec(this.text.slice(this.at, this.at + 64))?.[1]
    if (name === undefined) return this.value()
    this.at += name.length + 1
    return { kind: 'named', name, value: this.value() }
  }

  /** `1<<CAP_KILL|1<<CAP_CHOWN`: the operators bind in the order of `joining`. */
  #joined(level: number): Value {
    const levels = [['&&', '||'], ['=='], ['|'], ['<<'], ['*']]
    if (level === levels.length) return this.#single()
    const parts = [this.#joined(level + 1)]
    let operator: string | undefined
    for (;;) {
      this.skip()
      const found = joining.find((word) => this.text.startsWith(word, this.at))
      if (found === undefined || !levels[level]!.includes(found)) break
      if (operator !== undefined && found !== operator) break
      this.at += found.length
      this.skip()
      operator = found
      parts.push(this.#joined(level + 1))
    }
    return operator === undefined ? parts[0]! : { kind: 'join', operator, parts }
  }

  #single(): Value {
    const rest = this.text.slice(this.at, this.at + 80)
    const number = /^-?(?:0x[0-9a-fA-F]+|\d+)/.exec(rest)?.[0]
    if (number !== undefined) {
      this.at += number.length
      this.#annotation()
      return { kind: 'number', number: numberOf(number) }
    }
    const name = /^[A-Za-z_]\w*/.exec(rest)?.[0]
    if (name !== undefined) {
      this.at += name.length
      if (this.#eat('(')) return { kind: 'apply', name, args: this.arguments() }
      this.#annotation()
      return { kind: 'name', name }
    }
    // `restart_syscall(<... resuming interrupted nanosleep ...>)`
    const resuming = /^<\.\.\. [^>]*>/.exec(rest)?.[0]
    if (resuming !== undefined) return this.#anything(resuming.length)
    if (rest.startsWith('...')) return this.#anything(3)
    if (rest.startsWith('?')) return this.#anything(1)
    if (rest.startsWith('@"')) {
      this.at += 1
      return { ...this.#string(), abstract: true }
    }
    if (rest.startsWith('"')) return this.#string()
    if (/^-[A-Z]/.test(rest)) {
      this.at += 1
      return { kind: 'apply', name: '-', args: [this.#single()] }
    }
    if (rest.startsWith('&')) {
      this.at += 1
      return this.#single()
    }
    if (rest.startsWith('{') || rest.startsWith('[') || rest.startsWith('~[')) return this.#bracketed()
    throw new Unreadable(this.at, 'a value')
  }

  #anything(width: number): Value {
    this.at += width
    return { kind: 'anything' }
  }

  #bracketed(): Value {
    const start = this.at
    const others = this.#eat('~')
    const open = this.text[this.at]!
    this.at += 1
    try {
      if (open === '{') return struct(this.#until('}'))
      return { kind: 'list', others, ...this.#until(']') }
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error
      this.at = this.#closing(start + (others ? 1 : 0))
      return { kind: 'raw', text: this.text.slice(start, this.at) }
    }
  }

  /** The offset after the bracket that closes the one at a place. */
  #closing(start: number): number {
    const reader = new Reader(this.text, start)
    for (let depth = 0; reader.at < this.text.length; ) {
      const character = this.text[reader.at]!
      if (character === '"') {
        reader.#string()
        continue
      }
      if ('{[('.includes(character)) depth += 1
      if ('}])'.includes(character)) depth -= 1
      reader.at += 1
      if (depth === 0) return reader.at
    }
    throw new Unreadable(start, 'a closing bracket')
  }

  /** What `strace -y` says of a descriptor: `3</etc/passwd>`. */
  #annotation(): void {
    if (this.text[this.at] !== '<' || this.text[this.at + 1] === '<') return
    for (let depth = 0, at = this.at; at < this.text.length; at++) {
      if (this.text[at] === '<') depth += 1
      // `socket:[1->2]` has an arrow, which closes nothing.
      if (this.text[at] === '>' && this.text[at - 1] !== '-') depth -= 1
      if (depth > 0) continue
      this.at = at + 1
      this.#eat('(deleted)')
      return
    }
  }

  #string(): Extract<Value, { kind: 'string' }> {
    const bytes: number[] = []
    const start = this.at
    this.at += 1
    for (;;) {
      const character = this.text[this.at]
      if (character === undefined) throw new Unreadable(start, 'the end of a string')
      this.at += 1
      if (character === '"') break
      if (character === '\\') bytes.push(this.#escape())
      else if (character < '\x80') bytes.push(character.charCodeAt(0))
      else bytes.push(...this.#wide())
    }
    const cut = this.text.startsWith('...', this.at)
    if (cut) this.at += 3
    return { kind: 'string', bytes: Uint8Array.from(bytes), cut }
  }

  /** A character that strace would have escaped: its UTF-8. */
  #wide(): Uint8Array {
    const character = String.fromCodePoint(this.text.codePointAt(this.at - 1)!)
    this.at += character.length - 1
    return new TextEncoder().encode(character)
  }

  #escape(): number {
    const rest = this.text.slice(this.at, this.at + 3)
    const hex = /^x([0-9a-fA-F]{1,2})/.exec(rest)
    const octal = /^[0-7]{1,3}/.exec(rest)
    if (hex) {
      this.at += hex[0].length
      return Number.parseInt(hex[1]!, 16)
    }
    if (octal) {
      this.at += octal[0].length
      return Number.parseInt(octal[0], 8) & 255
    }
    this.at += 1
    return escapes[rest[0] ?? ''] ?? rest.charCodeAt(0)
  }

  #eat(word: string): boolean {
    if (!this.text.startsWith(word, this.at)) return false
    this.at += word.length
    return true
  }
}

function struct({ items, open }: { items: readonly Value[]; open: boolean }): Value {
  const fields = items.map((item) => (item.kind === 'named' ? item : { name: '', value: item }))
  return { kind: 'struct', fields, open }
}

/** A number in C: 0x is hexadecimal, a leading 0 octal. */
export function numberOf(text: string): bigint {
  const digits = text.replace(/^-/, '')
  const number = /^0[0-7]+$/.test(digits) ? BigInt(`0o${digits.slice(1)}`) : BigInt(digits)
  return text.startsWith('-') ? -number : number
}

/** One value that is the whole text. */
export function parseValue(text: string): Value {
  const reader = new Reader(text)
  reader.skip()
  const value = reader.value()
  reader.skip()
  if (reader.at < text.length) throw new Unreadable(reader.at, 'the end')
  return value
}
