// Decompression and hashing for images, by Node's zlib and crypto; loaded only when an image is imported.

import { createHash } from 'node:crypto'
import { Readable, type Transform } from 'node:stream'
import { constants, createGunzip, createGzip, createZstdCompress, createZstdDecompress } from 'node:zlib'
import { UserError } from '../../core/errors.ts'
import type { Archive, Compression } from '../../core/image/archive.ts'

/** The archive capability of this machine. */
export function openArchive(): Archive {
  return { decompress, compress, sha256 }
}

function sha256() {
  const hash = createHash('sha256')
  return { update: (bytes: Uint8Array) => void hash.update(bytes), hex: () => hash.digest('hex') }
}

const chunkSize = 65536

async function* decompress(bytes: AsyncIterable<Uint8Array>, compression: Compression): AsyncGenerator<Uint8Array> {
  if (compression === 'none') yield* bytes
  else yield* piped(bytes, compression === 'gzip' ? createGunzip({ chunkSize }) : createZstdDecompress({ chunkSize }))
}

async function* compress(
  bytes: AsyncIterable<Uint8Array>,
  compression: Compression,
  level?: number,
): AsyncGenerator<Uint8Array> {
  if (compression === 'none') yield* bytes
  else if (compression === 'gzip') yield* piped(bytes, createGzip({ chunkSize, level }))
  else {
    const params = level === undefined ? {} : { [constants.ZSTD_c_compressionLevel]: level }
    yield* piped(bytes, createZstdCompress({ chunkSize, params }))
  }
}

async function* piped(bytes: AsyncIterable<Uint8Array>, through: Transform): AsyncGenerator<Uint8Array> {
  const source = Readable.from(bytes, { objectMode: false })
  // An error of the source must reach the reader of the decompressed bytes, which pipe() does not do.
  source.on('error', (error) => through.destroy(error))
  // Whoever stops reading early is told nothing of what happens after.
  through.on('error', () => {})
  source.pipe(through)
  try {
    for await (const part of through) yield part as Uint8Array
  } catch (error) {
    // Only zlib's own refusals are the data's fault; what the source threw goes on as it is.
    if (!/^(Z_|ZSTD_|ERR_)/.test((error as NodeJS.ErrnoException).code ?? '')) throw error
    throw new UserError(`it is damaged: ${(error as Error).message}`)
  } finally {
    through.destroy()
    source.destroy()
  }
}
