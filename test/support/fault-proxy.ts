// A plain HTTP proxy in front of a registry that counts what it sees, and fails as its plan says: what networks and servers
// do to clients. test/support/faults-of-http.ts has the faults.

import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './faults-of-http.ts'

/** A fault, and when it happens. */
export interface Planned {
  /** Of `METHOD /path?query`. */
  readonly on: RegExp
  /** How many of the matching requests are let through first. */
  readonly after?: number
  /** How many then meet the fault; one unless said. */
  readonly times?: number
  readonly fault: Fault
}

/** One request, as it came and as it was answered. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly range?: string
  readonly authorization?: string
  /** 0 while there is no answer. */
  status: number
  /** Of the body of the answer, sent to the client. */
  bytes: number
  /** The whole answer was sent. */
  complete: boolean
  readonly faulty: boolean
}

export interface FaultProxy {
  /** `127.0.0.1:PORT`, as image names have it. */
  readonly address: string
  readonly port: number
  readonly seen: readonly Seen[]
  /** Replaces the plan, and forgets what was seen. */
  readonly plan: (...planned: readonly Planned[]) => void
  /** What was seen and matches `METHOD /path`. */
  readonly matching: (pattern: RegExp) => readonly Seen[]
  readonly stop: () => Promise<void>
}

/** @param upstream - the registry's `127.0.0.1:PORT` */
export async function startFaultProxy(upstream: string): Promise<FaultProxy> {
  let plan: { readonly planned: Planned; left: number; toSkip: number }[] = []
  let seen: Seen[] = []
  const faultFor = (words: string): Fault | undefined => {
    for (const entry of plan) {
      if (!entry.planned.on.test(words) || entry.left === 0) continue
      if (entry.toSkip > 0) entry.toSkip--
      else {
        entry.left--
        return entry.planned.fault
      }
    }
    return undefined
  }
  const server = createServer((request, response) => {
    const { method = 'GET', url = '/', headers } = request
    const fault = faultFor(`${method} ${url}`)
    const record: Seen = {
      method,
      path: url,
      ...(headers.range === undefined ? {} : { range: headers.range }),
      ...(headers.authorization === undefined ? {} : { authorization: headers.authorization }),
      status: 0,
      bytes: 0,
      complete: false,
      faulty: fault !== undefined,
    }
    seen.push(record)
    pass(upstream, request, response, record, fault ?? {}).catch(() => response.destroy())
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    address: `127.0.0.1:${port}`,
    port,
    get seen() {
      return seen
    },
    plan: (...all) => {
      seen = []
      plan = all.map((planned) => ({ planned, left: planned.times ?? 1, toSkip: planned.after ?? 0 }))
    },
    matching: (pattern) => seen.filter(({ method, path }) => pattern.test(`${method} ${path}`)),
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function pass(
  upstream: string,
  request: IncomingMessage,
  response: ServerResponse,
  record: Seen,
  fault: Fault,
): Promise<void> {
  if (fault.instead !== undefined) {
    request.resume()
    const { status, headers = {}, body = '' } = fault.instead
    await answer(response, record, status, headers, [Buffer.from(body)])
    return
  }
  const [host, port] = upstream.split(':')
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => !fault.requestWithout?.includes(name)),
  )
  // The registry answers with links to the host that it was asked for, and that is us.
  const asked = send({ host, port, method: record.method, path: record.path, headers })
  response.on('close', () => asked.destroy())
  request.pipe(asked)
  const got = await new Promise<IncomingMessage>((resolve, reject) => asked.on('response', resolve).on('error', reject))
  if (fault.dropAnswer) {
    got.resume()
    response.destroy()
    return
  }
  const answered = Object.fromEntries(Object.entries(got.headers).filter(([name]) => name !== 'connection'))
  const body = fault.body === undefined ? got : fault.body(got)
  await answer(response, record, got.statusCode ?? 502, fault.headers?.(answered as Headers) ?? answered, body)
}

type Headers = Readonly<Record<string, string>>

async function answer(
  response: ServerResponse,
  record: Seen,
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  record.status = status
  // As they are: Node keeps its hands off a content length that is wrong.
  response.writeHead(status, Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)))
  response.flushHeaders()
  for await (const chunk of body) {
    if (response.destroyed) return
    record.bytes += chunk.length
    if (!response.write(chunk)) await drained(response)
  }
  const stated = Number(headers['content-length'] ?? record.bytes)
  if (record.method === 'HEAD' || stated === record.bytes) {
    await new Promise<void>((resolve) => response.end(resolve))
    record.complete = true
    return
  }
  // Fewer than announced: there is no other way to say that this was all. A moment, for them to arrive.
  await sleep(20)
  response.destroy()
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
  })
}
