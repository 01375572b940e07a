// Images that weigh little and cost much: memory, directories, windows of decompression, layers. They are refused in time.

import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { expect } from 'vitest'
import { importImage } from '../../core/image/import.ts'
import { ociArchive } from '../fixtures/oci.ts'
import { type TarMember, tar } from '../fixtures/tar.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { archiveIn, storeIn } from '../support/images.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true })

async function refused(
  make: (directory: string) => string,
  sentence: RegExp,
  limits?: { sizeBytes: number; entries: number },
) {
  await withTemporaryDirectory(async (directory) => {
    const { host, images } = storeIn(directory)
    await expect(importImage(host, make(directory), { limits })).rejects.toThrow(sentence)
    for (const left of ['layers', 'tmp', 'blobs/sha256']) expect(readdirSync(join(images, left)), left).toEqual([])
  })
}

describe('a layer', () => {
  it('has no more directories than entries may be, also those that it only implies', async () => {
    const member: TarMember = { path: `${'d/'.repeat(150)}file`, content: 'x' }
    const other: TarMember = { path: 'last', content: 'x' }
    const limits = { sizeBytes: 1 << 20, entries: 100 }
    await refused((directory) => archiveIn(directory, 'deep', [[member, other]]), /more than 100 entries/, limits)
  })

  it('keeps so much only of its directories in memory', async () => {
    const value = new Uint8Array(1_000_000)
    const make = (directory: string) => {
      const path = join(directory, 'attributes.tar.gz')
      const one = (index: number) =>
        tar([{ path: `d${index}/`, type: 'directory', pax: { 'SCHILY.xattr.user.x': value } }])
      const blob = gzipSync(Buffer.concat(Array.from({ length: 300 }, (_, index) => one(index).subarray(0, -1024))))
      writeFileSync(
        path,
        ociArchive({
          layers: [new Uint8Array()],
          config: {},
          tag: 'latest',
          compress: () => ({ blob, suffix: '+gzip' }),
        }),
      )
      return `oci-archive:${path}`
    }
    await refused(make, /more than 268435456 bytes of directories/)
  })

  it('is decompressed in a window that fits into memory', async () => {
    const content = tar([{ path: 'a', content: 'x'.repeat(1000) }])
    const frame = zstdCompressSync(content, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } })
    // Window_Descriptor, RFC 8878 section 3.1.1.1.2: an exponent of 21 above 10 is 2 GiB.
    frame[5] = 21 << 3
    const compress = () => ({ blob: new Uint8Array(frame), suffix: '+zstd' })
    const make = (directory: string) => {
      const path = join(directory, 'window.tar')
      writeFileSync(path, ociArchive({ layers: [content], config: {}, tag: 'latest', compress }))
      return `oci-archive:${path}`
    }
    await refused(make, /layer 1 of 1: it is damaged: Frame requires too much memory/)
  })
})

describe('an archive', () => {
  it('keeps so much only of the names in it', async () => {
    const make = (directory: string) => {
      const path = join(directory, 'names.tar.gz')
      const one = (index: number) =>
        tar([{ path: 'x', pax: { path: `${index}/${'n'.repeat(1_000_000)}` } }]).subarray(0, -1024)
      writeFileSync(path, gzipSync(Buffer.concat(Array.from({ length: 80 }, (_, index) => one(index)))))
      return `oci-archive:${path}`
    }
    await refused(make, /it is no image archive: names of more than 67108864 bytes/)
  })
})
