// An image store of its own for a test, and archives made on the spot.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openArchive } from '../../backends/linux/archive.ts'
import { openLinux } from '../../backends/linux/open.ts'
import type { ImageHost } from '../../core/image/archive.ts'
import { ociArchive } from '../fixtures/oci.ts'
import { type TarMember, tar } from '../fixtures/tar.ts'

export interface TestStore {
  readonly host: ImageHost
  readonly warnings: string[]
  /** `ROOT/images`. */
  readonly images: string
}

/** A store in a directory; the same directory gives the same store. */
export function storeIn(directory: string): TestStore {
  const warnings: string[] = []
  const host: ImageHost = {
    kernel: openLinux(),
    root: join(directory, 'root'),
    runroot: join(directory, 'run'),
    archive: async () => openArchive(),
    warn: (sentence) => void warnings.push(sentence),
  }
  return { host, warnings, images: join(directory, 'root/images') }
}

/** Writes an OCI archive with these layers; answers the source to import. */
export function archiveIn(
  directory: string,
  name: string,
  layers: readonly (readonly TarMember[])[],
  cmd = '/bin/sh',
): string {
  mkdirSync(directory, { recursive: true })
  const path = join(directory, `${name}.tar`)
  writeFileSync(path, ociArchive({ layers: layers.map(tar), config: { Cmd: [cmd] }, tag: 'latest' }))
  return `oci-archive:${path}`
}
