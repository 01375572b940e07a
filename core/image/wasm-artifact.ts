// A program in WebAssembly that lies in a registry by itself, as an artifact: the image that it would be, with the program as its one
// file. https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/

import { UserError } from '../errors.ts'
import type { Archive } from './archive.ts'
import { composeImage } from './compose.ts'
import { checkDigest, jsonObject, shaHex } from './documents.ts'
import type { Descriptor } from './manifest.ts'
import type { WantedPlatform } from './platform.ts'
import { type Contents, refuseOtherPlatform } from './resolve.ts'
import { object, text } from './shape.ts'
import type { SourceImage } from './source.ts'
import { plainMember, tarEnd, tarHeader, tarPadding } from './tar-writer.ts'

const layerTypes: readonly (string | undefined)[] = ['application/wasm', 'application/vnd.wasm.content.layer.v1+wasm']
const programBytesMost = 256 << 20
const path = 'app.wasm'
const shape = object({ created: text, author: text, architecture: text, os: text })

/** @errors UserError for one of several parts, or that is damaged or too large */
export async function artifactImage(
  archive: Archive,
  contents: Contents,
  manifest: { readonly config: Descriptor; readonly layers: readonly Descriptor[] },
  wanted: WantedPlatform,
): Promise<SourceImage> {
  const { title } = contents
  const [program, ...more] = manifest.layers
  if (!program || more.length > 0 || !layerTypes.includes(program.mediaType))
    throw new UserError(`${title}: it has ${manifest.layers.length} parts, and the first one alone is to be a program`)
  const configBytes = await contents.config(manifest.config)
  checkDigest(archive, configBytes, manifest.config.digest, `${title}: configuration`)
  const told = jsonObject<{ readonly [K in 'created' | 'author' | 'os']?: string }>(
    configBytes,
    `${title}: configuration`,
  )
  const wrong = shape(told, '')
  if (wrong !== undefined) throw new UserError(`${title}: its configuration is malformed: ${wrong}`)
  const platform = { os: told.os || 'wasi', architecture: 'wasm' }
  refuseOtherPlatform(platform, wanted, title)
  const bytes = await collected(contents.layer(program), program.size, title)
  checkDigest(archive, bytes, program.digest, `${title}: program`)
  const member = { ...plainMember(path, 'file', bytes.length), mode: 0o755 }
  const tar = joined([tarHeader(member), bytes, tarPadding(bytes.length), tarEnd])
  const { created, author } = told
  const image = composeImage(
    archive,
    {
      ...(created && { created }),
      ...(author && { author }),
      ...platform,
      config: { Entrypoint: [`/${path}`] },
    },
    [{ diffId: shaHex(archive, tar), tarBytes: tar.length, open: () => whole(tar) }],
    'oci',
  )
  return { ...image, isArtifact: true }
}

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function collected(parts: AsyncIterable<Uint8Array>, size: number, title: string): Promise<Uint8Array> {
  if (!Number.isSafeInteger(size) || size < 0 || size > programBytesMost)
    throw new UserError(`${title}: a program of ${size} bytes, and more than ${programBytesMost} are not taken`)
  const found: Uint8Array[] = []
  let length = 0
  for await (const part of parts) {
    length += part.length
    if (length > size) throw new UserError(`${title}: its program has more than ${size} bytes`)
    found.push(part)
  }
  return joined(found)
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
