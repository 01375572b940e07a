// Images from directories and archives: OCI layouts and what docker save writes.

import { UserError } from '../errors.ts'
import type { ImageHost } from './archive.ts'
import { type BringOptions, bringIn, withImport } from './bring.ts'
import { openLayout } from './layout.ts'
import { machinePlatform, type WantedPlatform } from './platform.ts'
import { type ImageSource, localName, parseSource } from './reference.ts'
import { imagesIn } from './source.ts'
import type { ImageRecord } from './store.ts'

export interface ImportOptions extends Omit<BringOptions, 'names'> {
  /** A name in place of those that the source gives. */
  readonly name?: string
  /** Which image of those for several platforms; absent means the machine's. */
  readonly platform?: WantedPlatform
}

/**
 * Imports the one image that a source means: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:REF]`, `dir:DIR`.
 * What is already here is not unpacked again. Killed at any instant it leaves the index as it was or with the image
 * whole; the next import removes what it left.
 *
 * @errors UserError when the source has several images, is damaged, hostile or does not fit; nothing is left of it
 */
export async function importImage(
  host: ImageHost,
  source: string | ImageSource,
  options: ImportOptions = {},
): Promise<ImageRecord> {
  const from = typeof source === 'string' ? sourceOf(source) : source
  const records = await importFrom(host, from, options, true)
  return records[0]!
}

/** Imports all images of a file or directory, whichever kind it is: `load -i PATH`. A pipe (`/dev/stdin`) is fine. */
export async function loadImages(host: ImageHost, path: string, options: ImportOptions = {}): Promise<ImageRecord[]> {
  return importFrom(host, { kind: 'any', path }, options, options.name !== undefined)
}

function sourceOf(text: string): ImageSource {
  const source = parseSource(text)
  if (source) return source
  throw new UserError(`import ${text}: say what it is: oci:DIR, oci-archive:FILE or docker-archive:FILE`)
}

async function importFrom(host: ImageHost, source: ImageSource, options: ImportOptions, one: boolean) {
  const { kernel } = host
  const names = options.name === undefined ? undefined : [localName(options.name)]
  const archive = await host.archive()
  return withImport(host, async () => {
    const layout = await openLayout(host, archive, source.path)
    try {
      const images = await imagesIn(
        archive,
        layout,
        source,
        options.platform ?? machinePlatform(kernel, host.environment),
      )
      if (one && images.length > 1) {
        const found = images.map((image) => image.names[0] ?? image.id.slice(0, 12)).join(', ')
        throw new UserError(`import ${source.path}: it has ${images.length} images, name one of them: ${found}`)
      }
      const records: ImageRecord[] = []
      for (const image of images) records.push(await bringIn(host, archive, image, { ...options, names }))
      return records
    } finally {
      layout.close()
    }
  })
}
