// How often and after what time something is tried again that a network or a busy registry spoiled. RFC 9110 sections 10.2.3, 15.

import type { Host } from '../../engine/host.ts'
import type { Endpoint } from './endpoint.ts'
import { type Answer, discard } from './exchange.ts'
import { HttpFailure, type HttpResponse } from './http.ts'

export type RetryDeps = Pick<Host, 'sleep' | 'now' | 'randomBytes' | 'warn'>

const mostTries = 5
const mirrorTries = 2
const firstWaitMs = 500
const mostWaitMs = 16_000
/** A registry that wants us to wait longer is not waited for. */
const mostAskedWaitMs = 60_000
const worthTellingMs = 5_000

/** Silence took long already; where nobody listens, somebody seldom begins to while we wait. */
const weights: Readonly<Record<string, number>> = { ETIMEDOUT: 2, ECONNREFUSED: 3 }

/** Waits longer after each failure, and at last no more. */
export class Patience {
  readonly #deps: RetryDeps
  readonly #endpoint: Pick<Endpoint, 'registry' | 'mirror'>
  #failures = 0

  constructor(deps: RetryDeps, endpoint: Pick<Endpoint, 'registry' | 'mirror'>) {
    this.#deps = deps
    this.#endpoint = endpoint
  }

  /** Something was reached: the count begins anew. */
  progress(): void {
    this.#failures = 0
  }

  /**
   * Waits, and answers whether to try again.
   *
   * @param askedMs - how long the registry wants us to wait
   */
  async again(askedMs = 0): Promise<boolean> {
    return await this.#againAfter(1, askedMs)
  }

  async #againAfter(failures: number, askedMs: number): Promise<boolean> {
    this.#failures += failures
    if (this.#failures >= (this.#endpoint.mirror ? mirrorTries : mostTries) || askedMs > mostAskedWaitMs) return false
    const longest = Math.min(firstWaitMs * 2 ** (this.#failures - 1), mostWaitMs)
    // Between half and all of it, so that many who failed together do not come back together.
    const waitMs = Math.max(askedMs, longest * (0.5 + this.#deps.randomBytes(1)[0]! / 510))
    if (waitMs >= worthTellingMs && askedMs > 0) {
      this.#deps.warn(`${this.#endpoint.registry} asks to wait: trying again in ${Math.ceil(waitMs / 1000)} s`)
    }
    await this.#deps.sleep(Math.round(waitMs))
    return true
  }

  /** The same after no answer. */
  async againAfterFailure(error: unknown): Promise<boolean> {
    return isTransient(error) && (await this.#againAfter(weights[error.code] ?? 1, 0))
  }

  /** The same after an answer that may be another one the next time. */
  async againAfter(answer: HttpResponse): Promise<boolean> {
    const askedMs = retryAfterMs(answer, this.#deps.now())
    // A limit that is used up is not there again in seconds.
    const usedUp =
      answer.status === 429 && askedMs === undefined && /^0\b/.test(answer.header('ratelimit-remaining') ?? '')
    return isBusy(answer.status) && !usedUp && (await this.again(askedMs))
  }
}

/** Statuses that are about this moment and not about what was asked for. */
export function isBusy(status: number): boolean {
  return [408, 429, 500, 502, 503, 504].includes(status)
}

function isTransient(error: unknown): error is HttpFailure {
  return error instanceof HttpFailure && error.transient
}

/** Seconds or a date; undefined when there is none. */
export function retryAfterMs(answer: Pick<HttpResponse, 'header'>, nowMs: number): number | undefined {
  const value = answer.header('retry-after')?.trim() ?? ''
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs)
}

/**
 * Tries until there is an answer that is worth having, or the last one that there was.
 *
 * @errors HttpFailure when the last try gave no answer
 */
export async function patiently(patience: Patience, attempt: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      const answer = await attempt()
      if (!isBusy(answer.status) || !(await patience.againAfter(answer))) return answer
      await discard(answer)
    } catch (error) {
      if (!(await patience.againAfterFailure(error))) throw error
    }
  }
}
