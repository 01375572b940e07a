// Reads sources as text, well enough for rules about them: what is code, what is comment, what is imported.

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'

export const repository = resolve(import.meta.dirname, '../..')

export interface Source {
  /** From the repository's root. */
  readonly path: string
  readonly text: string
  /** The text with comments and the insides of strings turned into spaces; positions are the same. */
  readonly code: string
  readonly imports: readonly string[]
}

/** All TypeScript files below a folder of the repository. */
export function sourcesBelow(folder: string): Source[] {
  return filesBelow(folder, /\.ts$/).map((path) => readSource(path))
}

/** Paths from the repository's root; a folder that does not exist has no files. */
export function filesBelow(folder: string, name: RegExp): string[] {
  let entries: string[]
  try {
    entries = readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
  } catch {
    return []
  }
  return entries
    .filter((entry) => name.test(entry))
    .map((entry) => join(folder, entry))
    .sort()
}

function readSource(path: string): Source {
  const text = readFileSync(join(repository, path), 'utf8')
  const code = blank(text)
  const imports = [...code.matchAll(/\b(?:from\s+|import\s*\(?\s*)(['"])( *)\1/g)].map((match) => {
    const end = match.index + match[0].length - 1
    return text.slice(end - match[2]!.length, end)
  })
  return { path, text, code, imports }
}

/** An import of a file as a path from the repository's root; that of a package as it stands. */
export function target(source: Source, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  return relative(repository, resolve(repository, source.path, '..', specifier))
}

const tokens =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=[(,=:[!&|?{};\n]\s*|\breturn\s+)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/g

/** Turns comments, and what stands in quotes or in a regular expression, into spaces. Template literals keep their text. */
export function blank(text: string): string {
  return text.replace(tokens, (token) => {
    if (token[0] === '`') return token
    const keep = token[0] === "'" || token[0] === '"' ? 1 : 0
    const inside = token.slice(keep, token.length - keep).replace(/[^\n]/g, ' ')
    return token.slice(0, keep) + inside + token.slice(token.length - keep)
  })
}
