// A file that says which paths a log's machine had: one a line, `PATH TYPE MODE UID GID [CONTENT]`.

import type { Task } from '../../task.ts'
import type { InodeKind } from '../../vfs/inode.ts'
import { parseValue, Unreadable } from '../value.ts'
import type { Facts, HostFiles } from './files.ts'

export interface RootEntry {
  readonly path: string
  readonly facts: Facts
}

/** A line that is none; `line` counts from 1. */
export class BadRootLine extends Error {
  readonly line: number
  constructor(line: number, problem: string) {
    super(problem)
    this.line = line
  }
}

const kinds: Readonly<Record<string, InodeKind>> = {
  ...{ file: 'file', directory: 'directory', symlink: 'symlink', character: 'character', block: 'block' },
  ...{ fifo: 'fifo', socket: 'socket' },
}

/** @errors BadRootLine */
export function parseRoot(text: string): readonly RootEntry[] {
  return text.split('\n').flatMap((line, index) => {
    const words = line.trim()
    return words === '' || words.startsWith('#') ? [] : [entryOf(words, index + 1)]
  })
}

function entryOf(words: string, line: number): RootEntry {
  const bad = (problem: string) => new BadRootLine(line, problem)
  const parts = /^("(?:[^"\\]|\\.)*"|\S+)\s+(\S+)(?:\s+(\S+))?(?:\s+(\S+))?(?:\s+(\S+))?(?:\s+(.*))?$/.exec(words)
  if (parts === null) throw bad('expected PATH TYPE MODE UID GID [CONTENT]')
  const [, path, type, mode, uid, gid, content] = parts as unknown as readonly [string, string, string, ...string[]]
  const kind = kinds[type]
  const name = textOf(path, bad)
  if (!name.startsWith('/')) throw bad(`the path ${name} does not begin with /`)
  if (kind === undefined) throw bad(`"${type}" is no type; there are ${Object.keys(kinds).join(', ')}`)
  if (mode !== undefined && mode !== '-' && !/^0?[0-7]{1,4}$/.test(mode)) throw bad(`"${mode}" is no mode, as 0644 is`)
  for (const id of [uid, gid])
    if (id !== undefined && id !== '-' && !/^\d{1,10}$/.test(id)) throw bad(`"${id}" is no number of a user or group`)
  const known = (word: string | undefined) => word !== undefined && word !== '-'
  return {
    path: name,
    facts: {
      kind,
      ...(known(mode) && { mode: Number.parseInt(mode as string, 8) }),
      ...(known(uid) && { uid: Number(uid) }),
      ...(known(gid) && { gid: Number(gid) }),
      ...contentOf(kind, content, bad),
    },
  }
}

function contentOf(kind: InodeKind, content: string | undefined, bad: (problem: string) => BadRootLine): Facts {
  if (kind === 'symlink') {
    if (!content) throw bad('a symlink needs a target behind its owner')
    return { target: textOf(content, bad) }
  }
  if (kind === 'character' || kind === 'block') {
    const numbers = /^(\d+)[:,]\s*(\d+)$/.exec(content ?? '')
    if (numbers === null) throw bad('a device needs its numbers behind its owner, as 1:3')
    return { device: [Number(numbers[1]), Number(numbers[2])] }
  }
  if (content === undefined || content === '') return {}
  if (kind !== 'file') throw bad(`a ${kind} has no content`)
  const bytes = new TextEncoder().encode(textOf(content, bad))
  return { content: bytes, sizeBytes: bytes.length }
}

/** In quotes as C has them, or as it stands. */
function textOf(word: string, bad: (problem: string) => BadRootLine): string {
  if (!word.startsWith('"')) return word
  try {
    const value = parseValue(word)
    if (value.kind === 'string') return new TextDecoder().decode(value.bytes)
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
  }
  throw bad(`${word} is no string in quotes`)
}

/** Puts the paths onto a machine. */
export function furnishWith(entries: readonly RootEntry[], files: HostFiles, task: Task): void {
  for (const { path, facts } of entries) {
    const inode = files.ensure(task, -100, path, facts.kind !== 'symlink', facts)
    if (inode) files.settleAll(inode, facts)
  }
}
