// Decompression and hashing for images, by Node's zlib and crypto; loaded only when an image is imported.

import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { UserError } from '../../core/errors.ts'
import type { Archive, Compression } from '../../core/image/archive.ts'

/** The archive capability of this machine. */
export function openArchive(): Archive {
  return { decompress, sha256 }
}

function sha256() {
  const hash = createHash('sha256')
  return { update: (bytes: Uint8Array) => void hash.update(bytes), hex: () => hash.digest('hex') }
}

async function* decompress(bytes: AsyncIterable<Uint8Array>, compression: Compression): AsyncGenerator<Uint8Array> {
  if (compression === 'none') {
    yield* bytes
    return
  }
  const source = Readable.from(bytes, { objectMode: false })
  const through =
    compression === 'gzip' ? createGunzip({ chunkSize: 65536 }) : createZstdDecompress({ chunkSize: 65536 })
  // An error of the source must reach the reader of the decompressed bytes, which pipe() does not do.
  source.on('error', (error) => through.destroy(error))
  // Whoever stops reading early is told nothing of what happens after.
  through.on('error', () => {})
  source.pipe(through)
  try {
    for await (const part of through) yield part as Uint8Array
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError(`decompress ${compression}: ${(error as Error).message}`)
  } finally {
    through.destroy()
    source.destroy()
  }
}
