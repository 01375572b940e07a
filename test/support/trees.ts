// Trees of files for tests: what is in an archive of one, marks of overlayfs, and Python's view of files.

import { execFileSync } from 'node:child_process'
import { openLinux } from '../../backends/linux/open.ts'
import { AT_FDCWD, must, S_IFCHR } from '../../core/files.ts'
import { type TarEntry, tarEntries } from '../../core/image/tar.ts'
import { type TreeTarOptions, treeTar } from '../../core/image/tree-tar.ts'
import { concat } from '../fixtures/tar.ts'

export const kernel = openLinux()

export interface Archived {
  readonly bytes: Uint8Array
  readonly warnings: string[]
}

export async function archiveOf(layers: readonly string[], more: Partial<TreeTarOptions> = {}): Promise<Archived> {
  const warnings: string[] = []
  const options = { view: 'merged', marks: 'trusted', title: 'tree', ...more } as const
  const parts: Uint8Array[] = []
  for await (const part of treeTar(kernel, layers, { ...options, warn: (text) => void warnings.push(text) }))
    parts.push(part)
  return { bytes: concat(parts), warnings }
}

export async function entriesIn(bytes: Uint8Array): Promise<Map<string, TarEntry & { readonly text: string }>> {
  async function* source() {
    yield bytes
  }
  const entries = new Map<string, TarEntry & { readonly text: string }>()
  for await (const entry of tarEntries(source())) {
    let text = ''
    if (entry.sizeBytes < 10_000)
      for await (const piece of entry.content()) text += Buffer.from(piece.bytes).toString('latin1')
    entries.set(entry.path, { ...entry, text })
  }
  return entries
}

export const python = (code: string, ...argv: string[]): string =>
  execFileSync('python3', ['-c', `import os,sys\n${code}`, ...argv], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONHASHSEED: '0' },
  })

/** cap_setuid, effective; version 2 of vfs_cap_data. */
export const capability = '01000002800000000000000000000000' + '00000000'
export const setXattr = (path: string, xattr: string, hex: string) =>
  must(kernel.call({ name: 'lsetxattr', path, xattr, value: Buffer.from(hex, 'hex'), flags: 0 }), xattr)
export const whiteout = (pathname: string) =>
  must(kernel.call({ name: 'mknodat', dirfd: AT_FDCWD, pathname, mode: S_IFCHR, dev: 0 }), pathname)
