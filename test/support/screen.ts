// What a terminal shows of what is written to it.

/** Enough of a terminal of unlimited height: text, CR, LF, cursor up, erase line and below. ECMA-48. */
export class Screen {
  readonly columns: number
  #lines: string[] = ['']
  #row = 0
  #column = 0

  constructor(columns: number) {
    this.columns = columns
  }

  write(text: string): void {
    for (const [part, count, letter] of text.matchAll(/\x1b\[(\d*)([A-Z])|[\s\S]/g)) {
      if (letter === 'A') this.#row = Math.max(0, this.#row - Number(count || 1))
      else if (letter === 'K') this.#lines[this.#row] = this.#lines[this.#row]!.slice(0, this.#column)
      else if (letter === 'J') {
        this.#lines = [...this.#lines.slice(0, this.#row), this.#lines[this.#row]!.slice(0, this.#column)]
      } else if (part === '\r') this.#column = 0
      else if (part === '\n') this.#down()
      else this.#put(part)
    }
  }

  #down(): void {
    this.#row++
    this.#column = 0
    this.#lines[this.#row] ??= ''
  }

  #put(letter: string): void {
    if (this.#column === this.columns) this.#down()
    const line = this.#lines[this.#row]!.padEnd(this.#column)
    this.#lines[this.#row] = line.slice(0, this.#column) + letter + line.slice(this.#column + 1)
    this.#column++
  }

  get text(): string {
    return this.#lines.map((line) => line.trimEnd()).join('\n')
  }
}
