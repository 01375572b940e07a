// Talking with one registry about one repository: which of https and http it speaks, who we are, again when it is busy,
// and its refusals as errors.

import type { Archive } from '../archive.ts'
import type { RegistryDeps } from './client.ts'
import type { Endpoint } from './endpoint.ts'
import { type Answer, discard, exchange, mayKnowSecretsOf, type Question, readAll } from './exchange.ts'
import { RegistryError, refusal } from './failure.ts'
import { HttpFailure } from './http.ts'
import { Patience, patiently, retryAfterMs } from './retry.ts'
import { Authorizer, type Scopes } from './token.ts'

export interface Call extends Omit<Question, 'url' | 'authorization'> {
  /** From `/v2/` on, or a whole URL that the registry gave. */
  readonly target: string
  readonly scopes?: Scopes
}

const errorLimitBytes = 65536

export class Session {
  readonly endpoint: Endpoint
  /** The repository for sentences: `docker.io/library/busybox`, and where it is taken from if not there. */
  readonly name: string
  /** `/v2/NAME`. */
  readonly path: string
  readonly pull: Scopes
  readonly push: Scopes
  readonly #deps: RegistryDeps
  readonly #authorizer: Authorizer
  #base: Promise<URL> | undefined

  constructor(deps: RegistryDeps, endpoint: Endpoint) {
    const { registry, repository, mirror, url } = endpoint
    this.endpoint = endpoint
    this.name = mirror ? `${new URL(url).host}/${repository}` : `${registry}/${repository}`
    this.path = `/v2/${repository}`
    this.pull = [`repository:${repository}:pull`]
    this.push = [`repository:${repository}:pull,push`]
    this.#deps = deps
    this.#authorizer = new Authorizer(endpoint, deps.now, async (question) => {
      const http = await deps.http()
      return await patiently(this.patience(), () => exchange(http, endpoint, question))
    })
  }

  patience(): Patience {
    return new Patience(this.#deps, this.endpoint)
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#deps.now()
  }

  archive(): Promise<Archive> {
    return this.#deps.archive()
  }

  /** `REPOSITORY:TAG` or `REPOSITORY@DIGEST`. */
  named(reference: string): string {
    return `${this.name}${reference.includes(':') ? '@' : ':'}${reference}`
  }

  /**
   * An answer with one of the statuses, after as many tries as are worth it.
   *
   * @errors RegistryError for every other answer and for none
   */
  async ask(call: Call, statuses: readonly number[]): Promise<Answer> {
    let answer: Answer
    try {
      answer = await patiently(this.patience(), () => this.attempt(call))
    } catch (error) {
      throw this.described(error, call.tried)
    }
    if (statuses.includes(answer.status)) return answer
    throw await this.refused(answer, call.tried)
  }

  /** Whole answers, of a bounded size. */
  async askWhole(call: Call, statuses: readonly number[], limitBytes: number) {
    const answer = await this.ask(call, statuses)
    try {
      return { answer, bytes: await readAll(answer, limitBytes, call.tried) }
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error
    }
    // It broke off in the middle: from the start, once.
    const second = await this.ask(call, statuses)
    try {
      return { answer: second, bytes: await readAll(second, limitBytes, call.tried) }
    } catch (error) {
      throw this.described(error, call.tried)
    }
  }

  /**
   * One try; a second only to show who we are.
   *
   * @errors HttpFailure when there is no answer
   */
  async attempt(call: Call): Promise<Answer> {
    const http = await this.#deps.http()
    const base = await this.base(call.tried)
    const url = new URL(call.target, base)
    const ours = mayKnowSecretsOf(base, url)
    const { scopes = [], tried } = call
    for (let second = false; ; second = true) {
      const authorization = ours ? await this.#authorizer.header(scopes, tried) : undefined
      const answer = await exchange(http, this.endpoint, { ...call, url: url.href, authorization })
      // A storage elsewhere that refuses does not want to know who we are.
      if (answer.status !== 401 || second || !ours || !mayKnowSecretsOf(base, new URL(answer.url))) return answer
      const challenge = answer.header('www-authenticate')
      if (!(await this.#authorizer.challenged(challenge, scopes, authorization, base))) return answer
      await discard(answer)
    }
  }

  /** https, or http where that is allowed and https does not answer, as podman does. */
  async base(tried: string): Promise<URL> {
    this.#base ??= this.#findBase(tried)
    try {
      return await this.#base
    } catch (error) {
      this.#base = undefined
      throw error
    }
  }

  async #findBase(tried: string): Promise<URL> {
    const url = new URL(this.endpoint.url)
    if (!this.endpoint.insecure || url.protocol === 'http:') return url
    try {
      return await this.#ping(url, tried)
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error
      return await this.#ping(new URL(url.href.replace(/^https:/, 'http:')), tried, error)
    }
  }

  async #ping(url: URL, tried: string, httpsFailure?: HttpFailure): Promise<URL> {
    const http = await this.#deps.http()
    const answer = await exchange(http, this.endpoint, { method: 'GET', url: new URL('/v2/', url).href, tried })
    await discard(answer)
    // How servers that speak TLS on this port answer who does not.
    if (answer.status === 400 && httpsFailure !== undefined) throw httpsFailure
    return url
  }

  /** The error for an answer that is not wanted; reads the answer. */
  async refused(answer: Answer, tried: string): Promise<RegistryError> {
    let body: Uint8Array = new Uint8Array()
    try {
      body = await readAll(answer, errorLimitBytes, tried)
    } catch {
      // The status says enough.
    }
    return refusal(tried, this.endpoint, answer, body, retryAfterMs(answer, this.#deps.now()))
  }

  /** The error of a connection with what was tried on it; others as they are. */
  described(error: unknown, tried: string): unknown {
    return error instanceof HttpFailure ? new RegistryError(`${tried}: ${error.message}`, 0, error.code) : error
  }
}
