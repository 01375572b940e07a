// One layer on its way in: its blob is kept and its tree unpacked from the same pass over the bytes, each in a draft that
// gets its name when everything has been found to be what it should.

import { UserError } from '../errors.ts'
import {
  ask,
  close,
  makeDirectories,
  O,
  open,
  readTextIfThere,
  renamed,
  stat,
  writeAll,
  writeAtomically,
} from '../files.ts'
import { applyLayer, inheritDirectories, type LayerLimits } from './apply.ts'
import { type Archive, compressionOf, type Hash, type ImageHost } from './archive.ts'
import type { LayerEvent } from './bring.ts'
import { startingWith } from './bytes.ts'
import { pieces } from './layout.ts'
import { removeUnpacked } from './remove.ts'
import type { SourceLayer } from './source.ts'
import { blobPath, draftsDirectory, type LayerRecord, layerDirectory, layerTree } from './store.ts'
import { type TarEntry, tarEntries } from './tar.ts'

export interface NumberedLayer {
  readonly source: SourceLayer
  readonly index: number
}

interface Options {
  /** Of all layers of the image, for messages. */
  readonly count: number
  readonly limits: LayerLimits
  readonly onProgress: (event: LayerEvent) => void
}

/** Brings the layers of one image; the caller holds the lock of each that it asks for. Ended by `end`. */
export class LayerBringer {
  readonly #host: ImageHost
  readonly #archive: Archive
  readonly #options: Options
  /** Layers that are here, by diff id. */
  readonly #records = new Map<string, LayerRecord>()
  /** Told when a layer of this image has come to its place. */
  readonly #awaited = new Map<string, () => void>()
  readonly #arrivals = new Map<string, Promise<void>>()
  readonly #pid: number
  /** Headers and padding weigh something too; beyond this an archive is mostly air. */
  readonly #boundBytes: number
  #stopped: { readonly error: unknown } | undefined

  constructor(host: ImageHost, archive: Archive, options: Options) {
    this.#host = host
    this.#archive = archive
    this.#options = options
    this.#boundBytes = options.limits.sizeBytes + options.limits.entries * 2048
    this.#pid = ask(host.kernel, { name: 'getpid' }, 'getpid').value
  }

  /**
   * Whether the layer and its blob are here as a whole, and belong together. That a manifest says so is not enough: it may
   * name what it only knows the digest of, and have it given away when the image is pushed.
   */
  isHere({ diffId, blob }: SourceLayer): boolean {
    if (!this.#isUnpacked(diffId) || !this.#hasBlob(blob?.hex ?? diffId, blob?.sizeBytes)) return false
    return blob === undefined || stat(this.#host.kernel, this.#pairPath(diffId, blob.hex)) !== undefined
  }

  /** Is there when the blob has been found to hold the layer. */
  #pairPath(diffId: string, hex: string): string {
    return `${layerDirectory(this.#host.root, diffId)}/${hex}.blob`
  }

  /** @errors when it was not brought */
  record(diffId: string): LayerRecord {
    const record = this.#records.get(diffId)
    if (record === undefined) throw new Error(`layer ${diffId} has not been brought`)
    return record
  }

  tell({ source, index }: NumberedLayer, state: LayerEvent['state'], doneBytes = 0): void {
    const { diffId, blob } = source
    const total = blob === undefined ? {} : { totalBytes: blob.sizeBytes }
    this.#options.onProgress({ index, hex: blob?.hex ?? diffId, state, doneBytes, ...total })
  }

  /** Makes all that are at work end with the next piece they read. */
  stop(error: unknown): void {
    this.#stopped ??= { error }
    for (const tell of this.#awaited.values()) tell()
  }

  end(): void {
    this.stop(new Error('the image has ended'))
  }

  /**
   * @param below - diff ids of the layers beneath it, lowest first; those that are not here yet are being brought
   * @errors UserError when its bytes are not what was said of them; nothing of it is kept
   */
  async bring(layer: NumberedLayer, below: readonly string[]): Promise<void> {
    const { source, index } = layer
    const { kernel, root } = this.#host
    const title = `layer ${index + 1} of ${this.#options.count}`
    const { sizeBytes = 0 } = source.blob ?? {}
    if (sizeBytes > this.#boundBytes)
      throw new UserError(`${title}: it has ${sizeBytes} bytes, and more than ${this.#boundBytes} are not taken`)
    const hex = source.blob?.hex ?? source.diffId
    const draft = `${draftsDirectory(root)}/${source.diffId}.${this.#pid}.${index}`
    const keepsBlob = !this.#hasBlob(hex)
    const unpacks = !this.#isUnpacked(source.diffId)
    this.tell(layer, 'downloading')
    // Of a try at a mirror that failed, or of a killed process that had our id.
    for (const left of [draft, `${draft}.blob`, `${draft}.gone`]) removeUnpacked(kernel, left)
    const fd = keepsBlob ? open(kernel, `${draft}.blob`, O.WRONLY | O.CREAT | O.EXCL, 0o600) : undefined
    try {
      const tar = this.#tarOf(layer, title, fd)
      if (unpacks) {
        makeDirectories(kernel, draft, 0o700)
        makeDirectories(kernel, `${draft}/diff`, 0o755)
        const { limits } = this.#options
        const applied = await applyLayer(kernel, `${draft}/diff`, entriesOf(title, tar.bytes), {
          title,
          limits,
          executesModules: this.#host.environment?.os === 'wasi',
          warn: this.#host.warn,
        })
        const { sizeBytes, opaque, implied } = applied
        const record: LayerRecord = {
          diffId: source.diffId,
          sizeBytes,
          tarBytes: tar.check(),
          ...(opaque ? { opaque } : {}),
        }
        await this.#arrivalOf(below)
        inheritDirectories(kernel, `${draft}/diff`, implied, below.map((diffId) => layerTree(root, diffId)).reverse())
        writeWhole(this.#host, `${draft}/layer.json`, `${JSON.stringify(record)}\n`)
        writeWhole(this.#host, `${draft}/${hex}.blob`, '')
        this.#records.set(source.diffId, record)
      } else {
        for await (const _ of tar.bytes);
        tar.check()
      }
    } finally {
      if (fd !== undefined) close(kernel, fd)
    }
    if (keepsBlob) renamed(kernel, `${draft}.blob`, blobPath(root, hex))
    if (unpacks) this.#place(draft, source.diffId)
    else writeAtomically(kernel, this.#pairPath(source.diffId, hex), '')
    this.tell(layer, 'done', source.blob?.sizeBytes ?? 0)
  }

  /** A damaged layer that had the name makes way. */
  #place(draft: string, diffId: string): void {
    const { kernel, root } = this.#host
    const place = layerDirectory(root, diffId)
    if (stat(kernel, place) !== undefined) renamed(kernel, place, `${draft}.gone`)
    renamed(kernel, draft, place)
    this.#awaited.get(diffId)?.()
  }

  async #arrivalOf(below: readonly string[]): Promise<void> {
    for (const diffId of below) {
      if (this.#isUnpacked(diffId)) continue
      if (!this.#arrivals.has(diffId))
        this.#arrivals.set(diffId, new Promise((resolve) => this.#awaited.set(diffId, resolve)))
      if (!this.#stopped) await this.#arrivals.get(diffId)
      if (this.#stopped) throw this.#stopped.error
    }
  }

  #isUnpacked(diffId: string): boolean {
    const { kernel, root } = this.#host
    const directory = layerDirectory(root, diffId)
    const text = readTextIfThere(kernel, `${directory}/layer.json`)
    if (text === undefined) return false
    try {
      const record = JSON.parse(text) as LayerRecord
      if (record.diffId !== diffId) return false
      this.#records.set(diffId, record)
      return true
    } catch {
      return false
    }
  }

  #hasBlob(hex: string, sizeBytes?: number): boolean {
    const found = stat(this.#host.kernel, blobPath(this.#host.root, hex))
    return found !== undefined && (sizeBytes === undefined || found.size === sizeBytes)
  }

  /** The tar of a layer, which is hashed, measured and kept on its way; `check` answers its size once it was read. */
  #tarOf(layer: NumberedLayer, title: string, fd: number | undefined) {
    const { blob, diffId } = layer.source
    const blobHash = this.#archive.sha256()
    const tarHash = this.#archive.sha256()
    let blobBytes = 0
    let tarBytes = 0
    const boundBytes = this.#boundBytes
    const keep = (bytes: Uint8Array) => {
      if (fd !== undefined) writeAll(this.#host.kernel, fd, bytes, `${title}: its blob`)
    }
    const raw = passing(this.#bytesOf(layer.source, fd === undefined), blob && blobHash, (bytes) => {
      if (this.#stopped) throw this.#stopped.error
      blobBytes += bytes.length
      if (blob && blobBytes > blob.sizeBytes)
        throw new UserError(`${title}: it is longer than the ${blob.sizeBytes} bytes that its manifest says`)
      if (blob) keep(bytes)
      this.tell(layer, 'downloading', blobBytes)
    })
    const bytes = passing(this.#decompressed(raw, title), tarHash, (part) => {
      tarBytes += part.length
      if (tarBytes > boundBytes) throw new UserError(`${title}: its archive has more than ${boundBytes} bytes`)
      // What has no blob of its own is kept as the tar.
      if (!blob) keep(part)
    })
    const check = (): number => {
      if (blob && blobBytes !== blob.sizeBytes)
        throw new UserError(`${title}: it has ${blobBytes} bytes, not the ${blob.sizeBytes} that its manifest says`)
      const blobHex = blobHash.hex()
      if (blob && blobHex !== blob.hex)
        throw new UserError(`${title}: it is damaged: its digest is sha256:${blobHex}, not sha256:${blob.hex}`)
      const tarHex = tarHash.hex()
      if (tarHex !== diffId)
        throw new UserError(`${title}: its content has the digest sha256:${tarHex}, not sha256:${diffId}`)
      return tarBytes
    }
    return { bytes, check }
  }

  /** From the store when its blob is there already, and only the tree is missing. */
  #bytesOf(source: SourceLayer, here: boolean): AsyncIterable<Uint8Array> {
    return here ? fileBytes(this.#host, blobPath(this.#host.root, source.blob?.hex ?? source.diffId)) : source.open()
  }

  async *#decompressed(raw: AsyncGenerator<Uint8Array>, title: string): AsyncGenerator<Uint8Array> {
    const first = await raw.next()
    if (first.done) return
    try {
      yield* this.#archive.decompress(startingWith(first.value, raw), compressionOf(first.value))
    } catch (error) {
      if (!(error instanceof UserError) || error.message.startsWith(title)) throw error
      throw new UserError(`${title}: ${error.message}`)
    }
  }
}

/** The bytes of a file of the store, from an offset on. */
export async function* fileBytes(
  { kernel }: Pick<ImageHost, 'kernel'>,
  path: string,
  offsetBytes = 0,
): AsyncGenerator<Uint8Array> {
  const fd = open(kernel, path, O.RDONLY)
  try {
    yield* pieces(kernel, fd, offsetBytes, Number.MAX_SAFE_INTEGER)
  } finally {
    close(kernel, fd)
  }
}

async function* passing(
  bytes: AsyncIterable<Uint8Array>,
  hash: Hash | undefined,
  seen: (bytes: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for await (const part of bytes) {
    seen(part)
    hash?.update(part)
    yield part
  }
}

function writeWhole({ kernel }: ImageHost, path: string, text: string): void {
  const fd = open(kernel, path, O.WRONLY | O.CREAT | O.EXCL, 0o600)
  try {
    writeAll(kernel, fd, text, path)
  } finally {
    close(kernel, fd)
  }
}

/** What is wrong with an archive is told with the layer that it is of; what its source threw goes on as it is. */
async function* entriesOf(title: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  try {
    yield* tarEntries(bytes)
  } catch (error) {
    if (!(error instanceof UserError) || !error.message.startsWith('tar ')) throw error
    throw new UserError(`${title}: ${error.message}`)
  }
}
