// import of a root file system: a tar archive becomes an image of one layer. podman-import(1).

import { UserError } from '../errors.ts'
import { close, O, openNamed } from '../files.ts'
import { type Archive, compressionOf } from '../image/archive.ts'
import { bringIn, withImport } from '../image/bring.ts'
import { startingWith } from '../image/bytes.ts'
import { composeImage, draftLayer } from '../image/compose.ts'
import { changed } from '../image/config-changes.ts'
import { inputBytes } from '../image/input.ts'
import { machinePlatform, type PlatformWords, wantedPlatform } from '../image/platform.ts'
import { localName } from '../image/reference.ts'
import { exchange } from '../image/registry/exchange.ts'
import { HttpFailure } from '../image/registry/http.ts'
import type { ImageRecord } from '../image/store.ts'
import type { Host, Settings } from './host.ts'
import { imageHost } from './image-host.ts'

export interface ImportRootOptions extends Omit<PlatformWords, 'platform'> {
  /** Without one the image is known by its id only. */
  readonly name?: string
  readonly message?: string
  /** Instructions of a Containerfile. */
  readonly changes: readonly string[]
}

/**
 * @param source - a path, or an http or https URL
 * @errors UserError when it cannot be read, is no archive, or an instruction is wrong; nothing is left of it
 */
export async function importRoot(
  host: Host,
  settings: Settings,
  source: string,
  options: ImportRootOptions,
): Promise<ImageRecord> {
  const images = imageHost(host, settings)
  const { message, changes, name } = options
  const names = name === undefined ? [] : [localName(name)]
  const { asked: _, ...platform } = wantedPlatform(machinePlatform(host.kernel, host.environment), options)
  const execution = changed({}, changes)
  const archive = await host.archive()
  const title = `import ${source}`
  return withImport(images, async () => {
    const bytes = /^https?:\/\//i.test(source) ? download(host, source) : fileOf(host, source)
    const layer = await draftLayer(images, archive, 'import', decompressed(archive, bytes, title))
    const created = new Date(host.now()).toISOString()
    const history = [{ created, created_by: title, comment: message ?? `Imported from ${source}` }]
    const image = composeImage(archive, { created, ...platform, config: execution, history }, [layer], 'oci')
    return await bringIn(images, archive, image, { names })
  })
}

async function* fileOf({ kernel }: Host, path: string): AsyncGenerator<Uint8Array> {
  const fd = openNamed(kernel, path, O.RDONLY)
  try {
    yield* inputBytes(kernel, fd, path)
  } finally {
    close(kernel, fd)
  }
}

async function* download(host: Host, url: string): AsyncGenerator<Uint8Array> {
  const tried = `get ${url}`
  try {
    const endpoint = { url, tls: { verify: true }, insecure: false }
    const answer = await exchange(await host.http(), endpoint, { method: 'GET', url, tried })
    try {
      if (answer.status !== 200) throw new UserError(`${tried}: the server answers ${answer.status}`)
      yield* answer.body
    } finally {
      answer.close()
    }
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error
    throw new UserError(`${tried}: ${error.message}`)
  }
}

/** xz and bzip2, by their first bytes. */
const otherCompressions = [
  { name: 'xz', start: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { name: 'bzip2', start: [0x42, 0x5a, 0x68] },
] as const

async function* decompressed(archive: Archive, bytes: AsyncGenerator<Uint8Array>, title: string) {
  const first = await bytes.next()
  if (first.done) throw new UserError(`${title}: it is empty`)
  const other = otherCompressions.find(({ start }) => start.every((byte, at) => first.value[at] === byte))
  if (other !== undefined) {
    await bytes.return(undefined)
    throw new UserError(
      `${title}: it is compressed with ${other.name}, which vitrine cannot read: ${other.name} -dc FILE | vitrine import -`,
    )
  }
  yield* archive.decompress(startingWith(first.value, bytes), compressionOf(first.value))
}
