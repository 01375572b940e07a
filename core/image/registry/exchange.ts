// One question to a registry and its answer, with redirects followed and secrets kept to the host that they are for.

import { UserError } from '../../errors.ts'
import type { Endpoint } from './endpoint.ts'
import { RegistryError } from './failure.ts'
import { type Http, HttpFailure, type HttpRequest, type HttpResponse, type TlsChoice } from './http.ts'

export interface Question {
  readonly method: HttpRequest['method']
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** For the host of `url` alone. */
  readonly authorization?: string
  /** The body is for the host of `url` alone, too. */
  readonly secretBody?: true
  /** Called once for each time that it is sent. */
  readonly body?: () => NonNullable<HttpRequest['body']>
  readonly idleTimeoutMs?: number
  /** For sentences: `pull docker.io/library/busybox:latest`. */
  readonly tried: string
}

export interface Answer extends HttpResponse {
  /** Where it came from, after redirects. */
  readonly url: string
}

const mostRedirects = 10
const idleTimeoutMs = 30_000

/**
 * @errors HttpFailure when there is no answer, RegistryError for redirects that lead nowhere or to where nothing is encrypted
 */
export async function exchange(
  http: Http,
  endpoint: Pick<Endpoint, 'url' | 'tls' | 'insecure'>,
  question: Question,
): Promise<Answer> {
  const { method, tried } = question
  const first = new URL(question.url)
  // Left behind once, it stays behind: whoever sends us back says what for.
  let secret = question.authorization
  for (let url = first, hops = 0; ; hops++) {
    if (!mayKnowSecretsOf(first, url)) secret = undefined
    const response = await http.send({
      method,
      url: url.href,
      headers: { ...question.headers, ...(secret === undefined ? {} : { authorization: secret }) },
      body: question.body?.(),
      tls: tlsFor(endpoint, url),
      idleTimeoutMs: question.idleTimeoutMs ?? idleTimeoutMs,
    })
    const next = redirect(method, response)
    const { href } = url
    if (next === undefined) return { ...response, url: href }
    await discard(response)
    if (hops === mostRedirects)
      throw new RegistryError(
        `${tried}: more than ${mostRedirects} redirects, the last from ${url.host}`,
        0,
        'REDIRECT',
      )
    url = secureTarget(next, url, endpoint.insecure, tried)
    if (question.secretBody && !mayKnowSecretsOf(first, url))
      throw new RegistryError(
        `${tried}: ${first.host} sends us with the login to ${url.host}, which is not its own`,
        0,
        'REDIRECT',
      )
  }
}

/** Whether what one URL's host may see is safe with another URL: the same host and port, and not less encrypted. */
export function mayKnowSecretsOf(owner: URL, other: URL): boolean {
  return owner.host === other.host && (owner.protocol === other.protocol || other.protocol === 'https:')
}

// Whoever sends a body is only sent on where the body shall go too; others know by `Location` what was made.
function redirect(method: string, { status, header }: HttpResponse): string | undefined {
  const statuses = method === 'GET' || method === 'HEAD' ? [301, 302, 303, 307, 308] : [307, 308]
  return statuses.includes(status) ? header('location') : undefined
}

/**
 * Where a registry sends us, from a URL. A registry behind a proxy that ends TLS may think that it speaks http; on the
 * same host https is meant.
 *
 * @errors RegistryError when it is no http, or leaves https and that is not allowed
 */
export function secureTarget(location: string, from: URL, insecure: boolean, tried: string): URL {
  const refuse = (why: string) => new RegistryError(`${tried}: ${from.host} sends us to ${why}`, 0, 'REDIRECT')
  const target = parseUrl(location, from)
  if (target === undefined || !/^https?:$/.test(target.protocol))
    throw refuse(`${JSON.stringify(location)}, which is no http`)
  if (target.protocol === 'https:' || from.protocol === 'http:') return target
  if (target.host === from.host) return new URL(target.href.replace(/^http:/, 'https:'))
  if (insecure) return target
  throw refuse(`http://${target.host}, where nothing is encrypted: with --tls-verify=false it is followed`)
}

function parseUrl(text: string, base: URL): URL | undefined {
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}

// Our certificate is for one host; whom we believe is the same for all that a registry sends us to.
function tlsFor({ url, tls }: Pick<Endpoint, 'url' | 'tls'>, target: URL): TlsChoice {
  if (target.hostname === new URL(url).hostname || tls.certificate === undefined) return tls
  const { verify, authorities } = tls
  return { verify, authorities }
}

/** A whole body. @errors UserError when it is longer than the limit, HttpFailure when the connection breaks */
export async function readAll(response: HttpResponse, limitBytes: number, tried: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let lengthBytes = 0
  try {
    for await (const part of response.body) {
      lengthBytes += part.length
      if (lengthBytes > limitBytes) throw new UserError(`${tried}: the answer is longer than ${limitBytes} bytes`)
      parts.push(part)
    }
  } finally {
    response.close()
  }
  if (parts.length === 1) return parts[0]!
  const whole = new Uint8Array(lengthBytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Reads what is left when it is little, as the connection can then be used again. */
export async function discard(response: HttpResponse): Promise<void> {
  try {
    await readAll(response, 65536, '')
  } catch (error) {
    if (!(error instanceof HttpFailure || error instanceof UserError)) throw error
  }
}
