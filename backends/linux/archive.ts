// Decompression and hashing for images, by Node's zlib and crypto; loaded only when an image is imported.

import { createHash } from 'node:crypto'
import { Readable, type Transform } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { constants, createGunzip, createGzip, createZstdCompress, createZstdDecompress } from 'node:zlib'
import { UserError } from '../../core/errors.ts'
import type { Archive, Compression } from '../../core/image/archive.ts'

/** The archive capability of this machine. */
export function openArchive(): Archive {
  const collect = collector()
  return {
    decompress: (bytes, compression) => decompress(collecting(bytes, collect), compression, collect),
    compress: (bytes, compression, level) => compress(collecting(bytes, collect), compression, level),
    sha256,
  }
}

/**
 * Buffers that went by are garbage at once, but Node lets them pile up to tens of megabytes: the young generation is
 * collected when it is full of objects, and buffers lie outside of it. A collection of it takes a tenth of a millisecond.
 */
function collector(): (bytes: Uint8Array) => void {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as (options: { readonly type: 'minor' }) => void
  // Code that V8 keeps under other flags than those of the start is not taken the next time.
  setFlagsFromString('--no-expose-gc')
  let passedBytes = 0
  return ({ length }) => {
    passedBytes += length
    if (passedBytes < collectBytes) return
    passedBytes = 0
    gc({ type: 'minor' })
  }
}

async function* collecting(
  bytes: AsyncIterable<Uint8Array>,
  collect: (bytes: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for await (const part of bytes) {
    yield part
    collect(part)
  }
}

function sha256() {
  const hash = createHash('sha256')
  return { update: (bytes: Uint8Array) => void hash.update(bytes), hex: () => hash.digest('hex') }
}

const chunkSize = 65536
const collectBytes = 4 << 20

async function* decompress(
  bytes: AsyncIterable<Uint8Array>,
  compression: Compression,
  collect: (bytes: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  if (compression === 'none') return yield* bytes
  const through = compression === 'gzip' ? createGunzip({ chunkSize }) : createZstdDecompress({ chunkSize })
  yield* collecting(piped(bytes, through), collect)
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
