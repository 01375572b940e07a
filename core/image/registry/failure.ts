// What a registry refuses, as a sentence that says what to do, and as words that code can tell apart.

import { UserError } from '../../errors.ts'
import { printable } from '../../printable.ts'
import type { Endpoint } from './endpoint.ts'
import type { HttpResponse } from './http.ts'

export class RegistryError extends UserError {
  /** Of HTTP; 0 when there was no answer, or a wrong one. */
  readonly status: number
  /**
   * The distribution spec's: `MANIFEST_UNKNOWN`, `DENIED`, `TOOMANYREQUESTS`, ...; when the registry gives none, `UNKNOWN`,
   * and when there was no answer that of the connection: `ECONNREFUSED`, `CERT_HAS_EXPIRED`, ...
   */
  readonly code: string

  constructor(sentence: string, status: number, code: string) {
    super(sentence)
    this.name = 'RegistryError'
    this.status = status
    this.code = code
  }
}

/** Whether a registry says that it does not have what was asked for. */
export function isNotFound(error: unknown): error is RegistryError {
  return error instanceof RegistryError && (error.status === 404 || /^(?:NAME|MANIFEST|BLOB)_UNKNOWN$/.test(error.code))
}

/** Whether a registry wants somebody else to ask; many say so of what they do not have, too. */
export function isDenied(error: unknown): error is RegistryError {
  return error instanceof RegistryError && (error.status === 401 || error.status === 403)
}

/**
 * The error that an answer stands for.
 *
 * @param body - the answer's, as far as it was read
 * @param retryMs - how long the registry wants us to wait
 */
export function refusal(
  tried: string,
  endpoint: Pick<Endpoint, 'registry' | 'credentials'>,
  answer: Pick<HttpResponse, 'status' | 'header'>,
  body: Uint8Array,
  retryMs?: number,
): RegistryError {
  const { status } = answer
  const { code = codeOf(status), message } = firstError(body)
  const sentence = `${tried}: ${why(endpoint, answer, code, message, retryMs)}`
  return new RegistryError(sentence, status, code)
}

function why(
  endpoint: Pick<Endpoint, 'registry' | 'credentials'>,
  answer: Pick<HttpResponse, 'status' | 'header'>,
  code: string,
  message: string | undefined,
  retryMs: number | undefined,
): string {
  const { registry, credentials } = endpoint
  const { status } = answer
  if (status === 429 || code === 'TOOMANYREQUESTS') return limit(endpoint, answer, retryMs)
  if (status === 401 || status === 403 || code === 'DENIED' || code === 'UNAUTHORIZED') {
    if (credentials === undefined)
      return `access is denied, or it does not exist: log in with vitrine login ${registry}`
    const who = credentials.username === undefined ? 'this login' : credentials.username
    return `access is denied to ${who}, or it does not exist${message === undefined ? '' : ` (${message})`}`
  }
  if (code === 'MANIFEST_UNKNOWN') return `${registry} has no such image`
  if (code === 'NAME_UNKNOWN') return `${registry} has no such repository`
  if (code === 'BLOB_UNKNOWN') return `${registry} does not have it`
  if (status === 404) return `${registry} does not have it${message === undefined ? '' : ` (${message})`}`
  return `${registry} answered ${status}${message === undefined ? '' : `: ${message}`}`
}

// Docker Hub: `ratelimit-limit: 100;w=21600`, in pulls and seconds.
function limit(
  { registry, credentials }: Pick<Endpoint, 'registry' | 'credentials'>,
  { header }: Pick<HttpResponse, 'header'>,
  retryMs: number | undefined,
): string {
  const [, count, seconds] = /^(\d+)(?:;w=(\d+))?/.exec(header('ratelimit-limit') ?? '') ?? []
  const left = /^\d+/.exec(header('ratelimit-remaining') ?? '')?.[0]
  const allowed =
    count === undefined ? '' : `, which allows ${count} pulls${seconds ? ` in ${duration(Number(seconds))}` : ''}`
  const rest = left === undefined ? '' : left === '0' ? ' and none is left' : ` and ${left} are left`
  const window = seconds === undefined ? 'later' : `within ${duration(Number(seconds))}`
  const when = retryMs === undefined ? window : `in ${duration(Math.ceil(retryMs / 1000))}`
  const login = credentials === undefined ? `, or log in with vitrine login ${registry}, which raises the limit` : ''
  return `too many requests for ${registry}${allowed}${rest}: try again ${when}${login}`
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  return seconds < 7200 ? `${Math.ceil(seconds / 60)} minutes` : `${Math.ceil(seconds / 3600)} hours`
}

function codeOf(status: number): string {
  return { 401: 'UNAUTHORIZED', 403: 'DENIED', 429: 'TOOMANYREQUESTS' }[status] ?? 'UNKNOWN'
}

// `{"errors": [{"code", "message", "detail"}]}`; some servers write `{"details"}` or `{"message"}`, or no JSON at all.
function firstError(body: Uint8Array): { readonly code?: string; readonly message?: string } {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(body))
  } catch {
    return {}
  }
  const { errors, message, details } = (value ?? {}) as Readonly<Record<string, unknown>>
  const first = (Array.isArray(errors) ? errors[0] : undefined) as { code?: unknown; message?: unknown } | undefined
  const code = typeof first?.code === 'string' && /^[A-Z_]{1,40}$/.test(first.code) ? first.code : undefined
  const text = [first?.message, message, details].find((candidate) => typeof candidate === 'string' && candidate !== '')
  return { code, message: text === undefined ? undefined : printable(text as string) }
}
