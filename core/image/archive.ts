// What image code is handed in besides a kernel: decompression and hashing of bytes (no kernel's business), and where things are.

import type { Kernel } from '../kernel.ts'

export type Compression = 'none' | 'gzip' | 'zstd'

/** A running sha256. `hex` ends it. */
export interface Hash {
  update(bytes: Uint8Array): void
  hex(): string
}

/** The capability behind images; loaded only when an image is imported. */
export interface Archive {
  /**
   * The bytes that a compressed stream stands for; several gzip members or zstd frames in a row are one stream. RFC 1952, RFC 8878.
   *
   * @errors a damaged stream throws while it is read
   */
  decompress(bytes: AsyncIterable<Uint8Array>, compression: Compression): AsyncIterable<Uint8Array>
  /** Equal bytes give equal results: no time and no name goes in. `level` is zlib's or zstd's; their default when absent. */
  compress(bytes: AsyncIterable<Uint8Array>, compression: Compression, level?: number): AsyncIterable<Uint8Array>
  sha256(): Hash
}

/** Where images live and who answers. */
export interface ImageHost {
  readonly kernel: Kernel
  /** The persistent directory (`/var/lib/vitrine`); images are in `root/images`. */
  readonly root: string
  /** The directory that a reboot empties (`/run/vitrine`); locks are in `runroot/locks`. */
  readonly runroot: string
  /** Loads the archive capability, at its first use. */
  readonly archive: () => Promise<Archive>
  /** GOOS and GOARCH of the programs that can be executed; absent: Linux, and what uname(2) tells. */
  readonly environment?: { readonly os?: string; readonly architecture: string }
  /** Tells the user what could not be kept as the image has it: one sentence. */
  readonly warn: (sentence: string) => void
}

/** Tells by the first bytes how a stream is compressed, as media types are often wrong. */
export function compressionOf(start: Uint8Array): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) return 'gzip'
  if (start[0] === 0x28 && start[1] === 0xb5 && start[2] === 0x2f && start[3] === 0xfd) return 'zstd'
  // A zstd skippable frame (RFC 8878 section 3.1.2) may come first.
  if ((start[0]! & 0xf0) === 0x50 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18) return 'zstd'
  return 'none'
}
