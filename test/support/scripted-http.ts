// Servers that are functions: what a client sends is noted, what it gets is said by the test, and time passes only by sleeping.

import { URL } from 'node:url'
import { openArchive } from '../../backends/linux/archive.ts'
import { openRegistry, type RegistryClient, type RegistryDeps } from '../../core/image/registry/client.ts'
import type { Endpoint } from '../../core/image/registry/endpoint.ts'
import { HttpFailure, type HttpRequest, type HttpResponse } from '../../core/image/registry/http.ts'

export interface Sent {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly request: HttpRequest
}

export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | object
  /** The connection breaks after so many bytes of the body. */
  readonly breaksAfter?: number
}

export interface Scripted {
  readonly client: RegistryClient
  readonly sent: readonly Sent[]
  /** `GET https://host/path` of each request. */
  readonly lines: () => string[]
  /** How long was slept, in milliseconds, each time. */
  readonly slept: readonly number[]
  readonly warnings: readonly string[]
  /** Lets time pass. */
  readonly pass: (milliseconds: number) => void
}

export const broken = (url: { readonly host: string }) =>
  new HttpFailure(`${url.host} broke the connection`, 'ECONNRESET', true)
export const refused = (url: { readonly host: string }) =>
  new HttpFailure(`connect to ${url.host}: connection refused`, 'ECONNREFUSED', true)

/** @param answer - may throw an HttpFailure; how much of a streamed body is read is its choice by `bodyLimit` */
export function scripted(
  answer: (sent: Sent, count: number) => Reply | Promise<Reply>,
  endpoint: Partial<Endpoint> = {},
  bodyLimit: (request: HttpRequest) => number = () => Number.POSITIVE_INFINITY,
): Scripted {
  const sent: Sent[] = []
  const slept: number[] = []
  const warnings: string[] = []
  let nowMs = Date.parse('2030-01-01T00:00:00Z')
  const send = async (request: HttpRequest): Promise<HttpResponse> => {
    const body = await readBody(request, bodyLimit(request))
    const one: Sent = { method: request.method, url: new URL(request.url), headers: request.headers, body, request }
    sent.push(one)
    return response(await answer(one, sent.length), one)
  }
  const deps: RegistryDeps = {
    http: async () => ({ send }),
    archive: async () => openArchive(),
    sleep: async (milliseconds) => {
      slept.push(milliseconds)
      nowMs += milliseconds
    },
    now: () => nowMs,
    randomBytes: (count) => new Uint8Array(count).fill(255),
    warn: (sentence) => void warnings.push(sentence),
  }
  const client = openRegistry(deps, {
    url: 'https://registry.example',
    registry: 'registry.example',
    repository: 'team/app',
    tls: { verify: true },
    mirror: false,
    insecure: false,
    ...endpoint,
  })
  const pass = (milliseconds: number) => {
    nowMs += milliseconds
  }
  return { client, sent, slept, warnings, pass, lines: () => sent.map(({ method, url }) => `${method} ${url.href}`) }
}

async function readBody({ body }: HttpRequest, limit: number): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0)
  if (!('bytes' in body)) return Buffer.from(body)
  const parts: Uint8Array[] = []
  let lengthBytes = 0
  for await (const part of body.bytes) {
    parts.push(part)
    lengthBytes += part.length
    if (lengthBytes >= limit) break
  }
  return Buffer.concat(parts).subarray(0, limit)
}

function response({ status = 200, headers = {}, body = '', breaksAfter }: Reply, { url, method }: Sent): HttpResponse {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  async function* stream() {
    if (method === 'HEAD') return
    const end = Math.min(breaksAfter ?? bytes.length, bytes.length)
    for (let at = 0; at < end; at += 1000) yield bytes.subarray(at, Math.min(at + 1000, end))
    if (breaksAfter !== undefined) throw broken(url)
  }
  return { status, header: (name) => lower[name.toLowerCase()], body: stream(), close: () => {} }
}
