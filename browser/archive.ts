// Decompression and hashing for images, by what browsers have: gzip of one member, and no zstd.

import { UserError } from '../core/errors.ts'
import type { Archive, Compression } from '../core/image/archive.ts'
import { sha256 } from './sha256.ts'

/** The archive capability of a browser. */
export function openArchive(): Archive {
  return {
    decompress: (bytes, compression) =>
      through(bytes, compression, () => new DecompressionStream('gzip') as unknown as Through),
    compress: (bytes, compression) =>
      through(bytes, compression, () => new CompressionStream('gzip') as unknown as Through),
    sha256,
  }
}

interface Through {
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<Uint8Array>
}

async function* through(bytes: AsyncIterable<Uint8Array>, compression: Compression, make: () => Through) {
  if (compression === 'none') {
    yield* bytes
    return
  }
  if (compression !== 'gzip') throw new UserError(`it is compressed by ${compression}, which a browser does not have`)
  const { readable, writable } = make()
  const [writer, reader] = [writable.getWriter(), readable.getReader()]
  let failure: unknown
  const written = (async () => {
    for await (const part of bytes) await writer.write(part)
    await writer.close()
  })().catch(async (error) => {
    failure = error
    await writer.abort(error).catch(() => {})
  })
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      yield value
    }
  } catch (error) {
    // What the source threw goes on as it is.
    if (failure !== undefined && failure !== error && !(failure instanceof TypeError)) throw failure
    if (!(error instanceof TypeError)) throw error
    throw new UserError(`it is damaged: ${error.message}`)
  } finally {
    await reader.cancel().catch(() => {})
    await written
  }
}
