// One blob to a registry: as a whole or in portions, going on where a broken connection left it. OCI distribution spec,
// "Pushing blobs".

import type { BlobSource, UploadOptions } from './client.ts'
import { type Answer, discard, secureTarget } from './exchange.ts'
import { RegistryError } from './failure.ts'
import { HttpFailure, type HttpRequest } from './http.ts'
import { isBusy, retryAfterMs } from './retry.ts'
import type { Call, Session } from './session.ts'

/** What the registry has of an upload, and where the rest goes. */
interface Upload {
  readonly location: string
  readonly offsetBytes: number
}

/** Up to this size one request with everything in it, beside the one that begins. */
const smallBytes = 1 << 20
/** For registries that refuse a blob's size, or a proxy before them does. */
const portionBytes = 16 << 20
/** Registries digest what they have before they answer. */
const commitTimeoutMs = 300_000

export async function hasBlob(session: Session, digest: string): Promise<boolean> {
  const answer = await session.ask(
    {
      method: 'HEAD',
      target: `${session.path}/blobs/${digest}`,
      scopes: session.push,
      tried: `push ${session.name}@${digest}`,
    },
    [200, 404],
  )
  await discard(answer)
  return answer.status === 200
}

/** Takes a blob over from another repository of the registry; false when the registry would not. */
export async function mountBlob(session: Session, digest: string, fromRepository: string): Promise<boolean> {
  const call: Call = {
    method: 'POST',
    target: `${session.path}/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(fromRepository)}`,
    scopes: [...session.push, `repository:${fromRepository}:pull`],
    tried: `push ${session.name}@${digest}`,
  }
  // Who may not read there, or whose registry knows no mounting, sends the bytes.
  const answer = await session.ask(call, [201, 202, 400, 401, 403, 404, 405])
  await discard(answer)
  if (answer.status === 202) await cancel(session, locationOf(session, answer, call.tried), call.tried)
  return answer.status === 201
}

/**
 * @errors RegistryError as the registry refuses, or when connections keep breaking; what `source.open` throws
 */
export async function uploadBlob(session: Session, source: BlobSource, options: UploadOptions = {}): Promise<void> {
  await new Uploader(session, source, options).run()
}

class Uploader {
  readonly #session: Session
  readonly #source: BlobSource
  readonly #onProgress: (doneBytes: number) => void
  readonly #tried: string
  #chunkBytes: number
  #leastChunkBytes = 1
  #upload: Upload | undefined
  /** What the registry has must be asked, as the last request broke. */
  #uncertain = false
  /** From where the registry refused to go on. */
  #disputedBytes: number | undefined

  constructor(session: Session, source: BlobSource, options: UploadOptions) {
    this.#session = session
    this.#source = source
    this.#onProgress = options.onProgress ?? (() => {})
    this.#tried = `push ${session.name}@${source.digest}`
    this.#chunkBytes = options.chunkBytes ?? Number.POSITIVE_INFINITY
  }

  async run(): Promise<void> {
    const patience = this.#session.patience()
    let mostBytes = 0
    try {
      for (;;) {
        try {
          if (await this.#step()) return this.#onProgress(this.#source.sizeBytes)
          if ((this.#upload?.offsetBytes ?? 0) <= mostBytes) continue
          mostBytes = this.#upload!.offsetBytes
          patience.progress()
        } catch (error) {
          this.#uncertain = this.#upload !== undefined
          if (error instanceof Smaller) continue
          if (!(error instanceof Again)) {
            if (!(await patience.againAfterFailure(error))) throw error
          } else if (!(await patience.again(error.askedMs))) throw error.refusal
        }
      }
    } catch (error) {
      if (this.#upload) await cancel(this.#session, this.#upload.location, this.#tried)
      throw this.#session.described(error, this.#tried)
    }
  }

  /** One request; true when the registry has the blob. */
  async #step(): Promise<boolean> {
    const { digest, sizeBytes } = this.#source
    if (this.#uncertain) return await this.#look()
    if (this.#upload === undefined) {
      const { path } = this.#session
      const answer = await this.#send({ method: 'POST', target: `${path}/blobs/uploads/` }, [202])
      const least = Number(answer.header('oci-chunk-min-length') ?? 1)
      if (Number.isSafeInteger(least)) this.#leastChunkBytes = least
      this.#upload = { location: locationOf(this.#session, answer, this.#tried), offsetBytes: 0 }
      return false
    }
    const { location, offsetBytes } = this.#upload
    const whole = offsetBytes === 0 && sizeBytes <= Math.min(smallBytes, this.#portion())
    if (offsetBytes < sizeBytes && !whole) await this.#patch(this.#upload)
    else {
      const target = `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`
      const body = whole ? this.#body(0, sizeBytes) : undefined
      const headers: Record<string, string> = body ? { 'content-type': 'application/octet-stream' } : {}
      await this.#send({ method: 'PUT', target, headers, body, idleTimeoutMs: commitTimeoutMs }, [201, 204])
      return true
    }
    return false
  }

  async #patch({ location, offsetBytes }: Upload): Promise<void> {
    const { sizeBytes } = this.#source
    const endBytes = Math.min(sizeBytes, offsetBytes + this.#portion())
    // All at once goes without a range, as Docker sends it: registries that know no portions take that.
    const range = { 'content-range': `${offsetBytes}-${endBytes - 1}` }
    const headers: Record<string, string> = {
      'content-type': 'application/octet-stream',
      ...(endBytes - offsetBytes === sizeBytes ? {} : range),
    }
    const body = this.#body(offsetBytes, endBytes - offsetBytes)
    const call = { method: 'PATCH', target: location, headers, body, idleTimeoutMs: commitTimeoutMs } as const
    const answer = await this.#send(call, [202, 201, 204])
    const reached = reachedBytes(answer) ?? endBytes
    if (reached < offsetBytes || reached > endBytes) {
      throw new RegistryError(
        `${this.#tried}: the registry says that it has ${reached} bytes, after ${endBytes} were sent`,
        0,
        'RANGE_INVALID',
      )
    }
    this.#upload = { location: locationOf(this.#session, answer, this.#tried, location), offsetBytes: reached }
    if (reached > offsetBytes) return
    const nothing = new RegistryError(`${this.#tried}: the registry has taken nothing of what was sent`, 0, 'UNKNOWN')
    throw new Again(nothing, undefined)
  }

  /**
   * Asks what the registry has. An upload that it no longer knows has ended well, or begins anew; Docker's own registry
   * knows none whose last request broke. So does one of which it says what it refused, as `0-0` may be one byte or none.
   */
  async #look(): Promise<boolean> {
    const { location } = this.#upload!
    const answer = await this.#send({ method: 'GET', target: location }, [204, 200, 202, 404])
    this.#uncertain = false
    if (answer.status === 404) {
      this.#upload = undefined
      return await hasBlob(this.#session, this.#source.digest)
    }
    const next = locationOf(this.#session, answer, this.#tried, location)
    const offsetBytes = Math.min(reachedBytes(answer) ?? 0, this.#source.sizeBytes)
    this.#upload = { location: next, offsetBytes }
    if (offsetBytes !== this.#disputedBytes) return false
    this.#upload = undefined
    this.#disputedBytes = undefined
    await cancel(this.#session, next, this.#tried)
    return false
  }

  async #send(call: Omit<Call, 'tried' | 'scopes'>, statuses: readonly number[]): Promise<Answer> {
    const session = this.#session
    const answer = await session.attempt({ ...call, scopes: session.push, tried: this.#tried })
    if (statuses.includes(answer.status)) {
      await discard(answer)
      return answer
    }
    const refusal = await session.refused(answer, this.#tried)
    if (answer.status === 413 && this.#chunkBytes > portionBytes) {
      this.#chunkBytes = portionBytes
      throw new Smaller()
    }
    // 416: it has more or less than we think. 404: it has forgotten the upload.
    if (answer.status === 416) this.#disputedBytes = this.#upload?.offsetBytes
    const lost = this.#upload !== undefined && (answer.status === 416 || answer.status === 404)
    if (lost || isBusy(answer.status)) throw new Again(refusal, retryAfterMs(answer, session.now()))
    throw refusal
  }

  #portion(): number {
    return Math.max(this.#chunkBytes, this.#leastChunkBytes)
  }

  #body(offsetBytes: number, lengthBytes: number): () => NonNullable<HttpRequest['body']> {
    return () => ({ bytes: this.#read(offsetBytes, lengthBytes), lengthBytes })
  }

  async *#read(offsetBytes: number, lengthBytes: number): AsyncGenerator<Uint8Array> {
    let leftBytes = lengthBytes
    if (leftBytes === 0) return
    for await (const part of this.#source.open(offsetBytes)) {
      const taken = part.length > leftBytes ? part.subarray(0, leftBytes) : part
      leftBytes -= taken.length
      yield taken
      this.#onProgress(offsetBytes + lengthBytes - leftBytes)
      if (leftBytes === 0) return
    }
  }
}

/** The request may be sent again, in smaller portions. */
class Smaller extends Error {}

/** The request may go better another time. */
class Again extends Error {
  readonly refusal: RegistryError
  readonly askedMs: number | undefined

  constructor(refusal: RegistryError, askedMs: number | undefined) {
    super(refusal.message)
    this.refusal = refusal
    this.askedMs = askedMs
  }
}

// What was begun and not ended costs the registry space until it notices itself.
async function cancel(session: Session, location: string, tried: string): Promise<void> {
  try {
    await discard(await session.attempt({ method: 'DELETE', target: location, scopes: session.push, tried }))
  } catch (error) {
    if (!(error instanceof HttpFailure || error instanceof RegistryError)) throw error
  }
}

function locationOf(session: Session, answer: Answer, tried: string, before?: string): string {
  const location = answer.header('location') ?? before
  if (location === undefined)
    throw new RegistryError(`${tried}: the registry does not say where to send it`, 0, 'UNKNOWN')
  return secureTarget(location, new URL(answer.url), session.endpoint.insecure, tried).href
}

/** `0-N` is what the registry has, both ends included; `0-0` is what it says for nothing. */
function reachedBytes(answer: Answer): number | undefined {
  const last = /^(?:bytes=)?0-(\d+)$/.exec(answer.header('range') ?? '')?.[1]
  return last === undefined ? undefined : last === '0' ? 0 : Number(last) + 1
}
