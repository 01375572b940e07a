// Images of programs in WebAssembly as others make them, as OCI layouts: for the platform wasi/wasm, and as artifacts.

import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { plainMember, tarEnd, tarHeader, tarPadding } from '../../core/image/tar-writer.ts'

export interface WasmImage {
  /** Of an annotation: what the image is called. */
  readonly name: string
  readonly wasm: Uint8Array
  readonly platform?: { readonly os: string; readonly architecture: string }
  readonly config?: object
  /** Files beside /app.wasm. */
  readonly files?: Readonly<Record<string, string>>
}

/** As `FROM scratch`, `COPY app.wasm /app.wasm`, `ENTRYPOINT ["/app.wasm"]` for `--platform=wasi/wasm`. */
export function wasmLayout(
  directory: string,
  { name, wasm, platform = { os: 'wasi', architecture: 'wasm' }, config, files = {} }: WasmImage,
): void {
  const layout = new Layout(directory)
  const tar = tarOf({ 'app.wasm': wasm, ...files })
  const layer = layout.blob(gzipSync(tar))
  const configuration = layout.blob({
    ...platform,
    config: { Entrypoint: ['/app.wasm'], ...config },
    rootfs: { type: 'layers', diff_ids: [`sha256:${hexOf(tar)}`] },
  })
  layout.finish(
    name,
    {
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...configuration },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', ...layer }],
    },
    platform,
  )
}

/** As https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/ says; `old`: as wasm-to-oci made them before. */
export function wasmArtifact(directory: string, { name, wasm }: WasmImage, old = false): void {
  const layout = new Layout(directory)
  const layer = layout.blob(wasm)
  const platform = { os: 'wasip2', architecture: 'wasm' }
  const configuration = layout.blob(old ? {} : { ...platform, layerDigests: [layer.digest] })
  layout.finish(name, {
    config: { mediaType: `application/vnd.wasm.config.${old ? 'v1' : 'v0'}+json`, ...configuration },
    layers: [{ mediaType: old ? 'application/vnd.wasm.content.layer.v1+wasm' : 'application/wasm', ...layer }],
  })
}

const hexOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

class Layout {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  #write(path: string, content: Uint8Array | string): void {
    const place = join(this.#directory, path)
    mkdirSync(dirname(place), { recursive: true })
    writeFileSync(place, content)
  }

  blob(content: Uint8Array | object): { readonly digest: string; readonly size: number } {
    const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content))
    const hex = hexOf(bytes)
    this.#write(`blobs/sha256/${hex}`, bytes)
    return { digest: `sha256:${hex}`, size: bytes.length }
  }

  finish(name: string, parts: object, platform?: object): void {
    const mediaType = 'application/vnd.oci.image.manifest.v1+json'
    const manifest = this.blob({ schemaVersion: 2, mediaType, ...parts })
    const annotations = { 'org.opencontainers.image.ref.name': name }
    this.#write('oci-layout', '{"imageLayoutVersion":"1.0.0"}')
    this.#write(
      'index.json',
      JSON.stringify({
        schemaVersion: 2,
        manifests: [{ mediaType, ...manifest, ...(platform && { platform }), annotations }],
      }),
    )
  }
}

function tarOf(files: Readonly<Record<string, string | Uint8Array>>): Uint8Array {
  const parts: Uint8Array[] = []
  for (const [name, content] of Object.entries(files)) {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
    parts.push(tarHeader(plainMember(name, 'file', bytes.length)), bytes, tarPadding(bytes.length))
  }
  return Buffer.concat([...parts, tarEnd])
}
