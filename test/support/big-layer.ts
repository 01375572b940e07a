// A layer of any size with one file of zeros, made in no time: gzip(1) members of the same bytes, one after another.

import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { concat, tar } from '../fixtures/tar.ts'
import type { RemoteLayer } from './remote-images.ts'

const pieceBytes = 2 ** 24

/** @param sizeBytes - of the file; a multiple of 16 MiB */
export function bigLayer(path: string, sizeBytes: number): RemoteLayer {
  const head = tar([{ path, statedSize: sizeBytes }]).subarray(0, 512)
  const zeros = new Uint8Array(pieceBytes)
  const end = new Uint8Array(1024)
  const count = sizeBytes / pieceBytes
  const hash = createHash('sha256').update(head)
  for (let index = 0; index < count; index++) hash.update(zeros)
  const piece = gzipSync(zeros, { level: 1 })
  const blob = concat([gzipSync(head), ...Array.from({ length: count }, () => piece), gzipSync(end)])
  return {
    blob,
    diffId: `sha256:${hash.update(end).digest('hex')}`,
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  }
}
