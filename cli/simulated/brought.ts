// Images in files of this computer, on their way to a simulated machine: `load -i FILE`, `oci:DIR` and their kin name files here,
// which are kept with the machine by their digest, and lie below /host while the command runs.

import { createHash } from 'node:crypto'
import { copyFileSync, createReadStream, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { UserError } from '../../core/errors.ts'
import { close, makeDirectories, O, open, removeTree, writeAll } from '../../core/files.ts'
import type { Kernel } from '../../core/kernel.ts'

/** A file that the machine gets for one command. */
export interface BroughtFile {
  /** On the machine. */
  readonly path: string
  /** Of its content, which is in the machine's bodies. */
  readonly sha256: string
}

const top = '/host'
const sources = /^(oci|oci-archive|docker-archive|dir):([^:]*(?::[\\/][^:]*)?)(.*)$/s

/**
 * The words as the machine gets them, with the paths of what was brought. What is not here stays as it is: the machine may have it.
 *
 * @param bodies - the directory of the machine's
 */
export async function bringFiles(
  words: readonly string[],
  bodies: string,
): Promise<{ readonly words: readonly string[]; readonly files: readonly BroughtFile[] }> {
  const files: BroughtFile[] = []
  const isLoad = words[0] === 'load' || (words[0] === 'image' && words[1] === 'load')
  const isImport = words[0] === 'import' || (words[0] === 'image' && words[1] === 'import')
  const brought: string[] = []
  for (const [index, word] of words.entries()) {
    const before = words[index - 1]
    const input = isLoad ? /^(--input=|-i)(.+)$/s.exec(word) : undefined
    const source = sources.exec(word)
    if (isLoad && (before === '-i' || before === '--input')) brought.push(await bring(word))
    else if (input) brought.push(`${input[1]}${await bring(input[2]!)}`)
    else if (source) brought.push(`${source[1]}:${await bring(source[2]!)}${source[3]}`)
    else if (isImport && index > 0 && before !== 'image' && /[\\/.]/.test(word)) brought.push(await bring(word))
    else brought.push(word)
  }
  return { words: brought, files }

  async function bring(path: string): Promise<string> {
    const from = resolve(path)
    const place = `${top}/${from.replaceAll('\\', '/').replace(/^\//, '')}`
    const kind = statSync(from, { throwIfNoEntry: false })
    if (!kind?.isFile() && !kind?.isDirectory()) return path
    const names = kind.isFile() ? [''] : readdirSync(from, { recursive: true, encoding: 'utf8' }).sort()
    for (const name of names) {
      const file = join(from, name)
      if (!statSync(file).isFile()) continue
      const at = name === '' ? place : `${place}/${name.replaceAll('\\', '/')}`
      files.push({ path: at, sha256: await keep(file, bodies) })
    }
    return place
  }
}

/** A copy first, so that what is hashed is what is kept. */
async function keep(file: string, bodies: string): Promise<string> {
  mkdirSync(bodies, { recursive: true, mode: 0o700 })
  const draft = join(bodies, `draft.${process.pid}.brought`)
  try {
    copyFileSync(file, draft)
    const hash = createHash('sha256')
    for await (const part of createReadStream(draft)) hash.update(part as Uint8Array)
    const sha256 = hash.digest('hex')
    renameSync(draft, join(bodies, sha256))
    return sha256
  } catch (error) {
    throw new UserError(`read ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`)
  }
}

/** @errors UserError for bodies that are gone */
export function placeFiles(kernel: Kernel, files: readonly BroughtFile[], bodies: string): void {
  for (const { path, sha256 } of files) {
    let content: Uint8Array
    try {
      content = new Uint8Array(readFileSync(join(bodies, sha256)))
    } catch (error) {
      throw new UserError(`read ${join(bodies, sha256)}: ${(error as NodeJS.ErrnoException).code}`)
    }
    makeDirectories(kernel, path.replace(/\/[^/]*$/, ''))
    const fd = open(kernel, path, O.WRONLY | O.CREAT | O.TRUNC, 0o644)
    writeAll(kernel, fd, content, path)
    close(kernel, fd)
  }
}

/** They are there for one command alone. */
export function removeFiles(kernel: Kernel, files: readonly BroughtFile[]): void {
  if (files.length > 0) removeTree(kernel, top)
}
