// Proving who we are: basic credentials, or the bearer tokens that a registry's token server gives for them.
// https://distribution.github.io/distribution/spec/auth/token/ and .../auth/oauth/

import { UserError } from '../../errors.ts'
import { jsonObject } from '../documents.ts'
import { toBase64 } from './base64.ts'
import { parseChallenges } from './challenge.ts'
import type { Endpoint } from './endpoint.ts'
import { type Answer, type Question, readAll, secureTarget } from './exchange.ts'
import { RegistryError, refusal } from './failure.ts'

/** What a request may do: `repository:library/busybox:pull`. */
export type Scopes = readonly string[]

interface Token {
  readonly authorization: string
  readonly usableUntilMs: number
}

interface Grant {
  /** Ours, and those that the registry named when it refused. */
  readonly scopes: Set<string>
  /** While it is fetched, others who need it wait for the same. */
  token?: Promise<Token>
}

const answerLimitBytes = 1 << 20
const usualSeconds = 60
const leastSeconds = 10

/** Remembers what one registry wants, and the tokens that were given for it. */
export class Authorizer {
  readonly #endpoint: Pick<Endpoint, 'registry' | 'insecure' | 'credentials'>
  readonly #ask: (question: Question) => Promise<Answer>
  readonly #now: () => number
  readonly #grants = new Map<string, Grant>()
  #basic: string | undefined
  #bearer: { readonly realm: string; readonly service?: string; readonly from: URL } | undefined

  /** @param ask - sends a question to the token server, patiently */
  constructor(
    endpoint: Pick<Endpoint, 'registry' | 'insecure' | 'credentials'>,
    now: () => number,
    ask: (question: Question) => Promise<Answer>,
  ) {
    this.#endpoint = endpoint
    this.#now = now
    this.#ask = ask
  }

  /**
   * The Authorization header for a request, as far as is known what the registry wants.
   *
   * @errors RegistryError when the token server refuses
   */
  async header(scopes: Scopes, tried: string): Promise<string | undefined> {
    if (this.#bearer === undefined) return this.#basic
    const grant = this.#grant(scopes)
    for (;;) {
      grant.token ??= this.#fetch(grant, tried)
      const fetched = grant.token
      const token = await fetched.catch((error: unknown) => {
        if (grant.token === fetched) grant.token = undefined
        throw error
      })
      if (this.#now() < token.usableUntilMs) return token.authorization
      // Whoever sees it first fetches another, for all who wait.
      if (grant.token === fetched) grant.token = undefined
    }
  }

  /**
   * Learns from a refusal. Answers whether another try has something to show that this one had not.
   *
   * @param used - the Authorization header of the refused request
   * @param from - who refused it
   */
  async challenged(header: string | undefined, scopes: Scopes, used: string | undefined, from: URL): Promise<boolean> {
    const challenges = parseChallenges(header ?? '')
    const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.realm)
    if (bearer) {
      const { realm, service, scope } = bearer.parameters
      this.#bearer = { realm: realm!, service, from }
      const grant = this.#grant(scopes)
      for (const name of (scope ?? '').split(' ')) if (name !== '') grant.scopes.add(name)
      const current = await grant.token?.catch(() => undefined)
      if (current?.authorization === used) grant.token = undefined
      return true
    }
    const { credentials } = this.#endpoint
    if (!challenges.some(({ scheme }) => scheme === 'basic') || !credentials || !('password' in credentials))
      return false
    this.#basic = basic(credentials.username, credentials.password)
    return used !== this.#basic
  }

  #grant(scopes: Scopes): Grant {
    const key = scopes.join(' ')
    const grant = this.#grants.get(key) ?? { scopes: new Set(scopes) }
    this.#grants.set(key, grant)
    return grant
  }

  async #fetch({ scopes }: Grant, tried: string): Promise<Token> {
    const { realm, service, from } = this.#bearer!
    const { credentials } = this.#endpoint
    const url = secureTarget(realm, from, this.#endpoint.insecure, tried)
    const answer = await this.#ask(
      credentials && 'identityToken' in credentials
        ? refreshQuestion(url, service, scopes, credentials.identityToken, tried)
        : tokenQuestion(url, service, scopes, credentials, tried),
    )
    const body = await readAll(answer, answerLimitBytes, `${tried}: ask ${url.host} for a token`)
    if (answer.status !== 200) throw this.#refused(answer, body, url, tried)
    const { token, access_token, expires_in } = jsonObject<Readonly<Record<string, unknown>>>(
      body,
      `${tried}: token of ${url.host}`,
    )
    const text = token || access_token
    if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) {
      throw new UserError(`${tried}: ${url.host} answered without a token`)
    }
    const seconds = typeof expires_in === 'number' && expires_in > 0 ? expires_in : usualSeconds
    // A tenth is left for the way to the registry and for clocks.
    return { authorization: `Bearer ${text}`, usableUntilMs: this.#now() + Math.max(seconds, leastSeconds) * 900 }
  }

  #refused(answer: Answer, body: Uint8Array, url: URL, tried: string): RegistryError {
    const { registry, credentials } = this.#endpoint
    // RFC 6749 section 5.2: a refused refresh token is a 400.
    const wrong = answer.status === 401 || (answer.status === 400 && credentials && 'identityToken' in credentials)
    if (wrong && credentials) {
      const what =
        'password' in credentials
          ? `the name ${credentials.username} or its password is wrong`
          : 'the login is no longer valid'
      return new RegistryError(`${tried}: ${what}: log in with vitrine login ${registry}`, 401, 'UNAUTHORIZED')
    }
    return refusal(`${tried}: ask ${url.host} for a token`, this.#endpoint, answer, body)
  }
}

function tokenQuestion(
  realm: URL,
  service: string | undefined,
  scopes: Iterable<string>,
  credentials: { readonly username: string; readonly password: string } | undefined,
  tried: string,
): Question {
  const account: [string, string][] = credentials === undefined ? [] : [['account', credentials.username]]
  const query = encoded([...account, ...serviceOf(service), ...[...scopes].map((scope) => ['scope', scope] as const)])
  const url = `${realm.href}${query === '' ? '' : realm.search === '' ? `?${query}` : `&${query}`}`
  const authorization = credentials === undefined ? undefined : basic(credentials.username, credentials.password)
  return { method: 'GET', url, authorization, tried }
}

function refreshQuestion(
  realm: URL,
  service: string | undefined,
  scopes: Iterable<string>,
  identityToken: string,
  tried: string,
): Question {
  const form = encoded([
    ['grant_type', 'refresh_token'],
    ['refresh_token', identityToken],
    ['client_id', 'vitrine'],
    ...serviceOf(service),
    ['scope', [...scopes].join(' ')],
  ])
  const body = () => new TextEncoder().encode(form)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return { method: 'POST', url: realm.href, headers, body, secretBody: true, tried }
}

function serviceOf(service: string | undefined): [string, string][] {
  return service === undefined ? [] : [['service', service]]
}

function encoded(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')
}

// RFC 7617, in UTF-8.
function basic(username: string, password: string): string {
  return `Basic ${toBase64(`${username}:${password}`)}`
}
