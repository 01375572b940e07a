// HTTP for registries, by Node's own client; loaded only when a registry is spoken to.

import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { URL } from 'node:url'
import { UserError } from '../../core/errors.ts'
import {
  type Http,
  HttpFailure,
  type HttpRequest,
  type HttpResponse,
  type TlsChoice,
} from '../../core/image/registry/http.ts'
import { brokenOff, drops, failureOf, silence } from './http-failure.ts'
import { proxyFor } from './http-proxy.ts'
import { secureContext } from './http-trust.ts'

type Variables = Readonly<Record<string, string | undefined>>
type SizedStream = { readonly bytes: AsyncIterable<Uint8Array>; readonly lengthBytes: number }

/**
 * @param variables - the caller's environment: `HTTPS_PROXY`, `NO_PROXY` and their kin are followed
 * @param userAgent - what we call ourselves: `vitrine/1.0.0`
 */
export function openHttp(variables: Variables, userAgent: string): Http {
  const agentFor = openAgents(variables)
  return { send: (request) => send(request, agentFor, userAgent) }
}

// One agent for each choice and proxy; its connections are kept, and do not keep the process alive.
function openAgents(variables: Variables) {
  const agents = new Map<string, HttpAgent | HttpsAgent>()
  return (url: URL, tls: TlsChoice): HttpAgent | HttpsAgent => {
    const proxy = proxyFor(url, variables)
    const secure = url.protocol === 'https:'
    const key = JSON.stringify([proxy, secure && tls])
    const known = agents.get(key)
    if (known) return known
    const options = {
      keepAlive: true,
      ...(proxy === undefined ? {} : { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }),
    }
    const agent = secure
      ? new HttpsAgent({ ...options, rejectUnauthorized: tls.verify, secureContext: secureContext(tls, variables) })
      : new HttpAgent(options)
    agents.set(key, agent)
    return agent
  }
}

async function send(
  request: HttpRequest,
  agentFor: ReturnType<typeof openAgents>,
  userAgent: string,
): Promise<HttpResponse> {
  const url = new URL(request.url)
  const { body } = request
  const headers: Record<string, string> = { 'user-agent': userAgent, ...request.headers }
  if (body !== undefined) headers['content-length'] = String('bytes' in body ? body.lengthBytes : body.length)
  else if (/^(?:POST|PUT|PATCH)$/.test(request.method)) headers['content-length'] = '0'
  const options = { method: request.method, headers, agent: agentFor(url, request.tls) }
  const outgoing = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options as RequestOptions)
  const watch = new Watch(request.idleTimeoutMs, () => outgoing.destroy(silence(url, request.idleTimeoutMs)))
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    // Later errors find the promise settled; those of the body are its reader's.
    outgoing.on('error', reject)
    outgoing.on('response', resolve)
    // Without a listener Node ends the connection and says nothing.
    outgoing.on('upgrade', (_, socket) => {
      socket.destroy()
      reject(new HttpFailure(`${url.host} wants to speak something else than HTTP`, 'EPROTO', false))
    })
  })
  try {
    // Who answers before the end (too large, not allowed) is not sent the rest.
    if (body === undefined) outgoing.end()
    else await Promise.race([answered, sendStream(outgoing, 'bytes' in body ? body : inSlices(body), watch)])
    return received(outgoing, await answered, url, watch)
  } catch (error) {
    outgoing.destroy()
    throw failureOf(error, url)
  } finally {
    watch.pause()
  }
}

const sliceBytes = 262144

// So that progress is seen while a long body goes out.
function inSlices(body: Uint8Array): SizedStream {
  async function* slices() {
    for (let at = 0; at < body.length; at += sliceBytes) yield body.subarray(at, at + sliceBytes)
  }
  return { bytes: slices(), lengthBytes: body.length }
}

async function sendStream(outgoing: ClientRequest, { bytes, lengthBytes }: SizedStream, watch: Watch): Promise<void> {
  let answered = false
  outgoing.once('response', () => {
    answered = true
  })
  const stopped = () => answered || outgoing.destroyed
  let sentBytes = 0
  watch.pause() // A slow source is no silence of the host.
  for await (const part of bytes) {
    sentBytes += part.length
    if (stopped() || sentBytes > lengthBytes) break
    if (outgoing.write(part)) continue
    watch.resume()
    await new Promise<void>((resolve) => {
      const go = () => {
        for (const event of ['drain', 'close', 'response']) outgoing.off(event, go)
        resolve()
      }
      for (const event of ['drain', 'close', 'response']) outgoing.on(event, go)
    })
    watch.pause()
  }
  if (stopped()) return
  if (sentBytes !== lengthBytes) {
    throw new UserError(
      `send ${lengthBytes} bytes to ${outgoing.host}: the source has ${sentBytes > lengthBytes ? 'more' : `only ${sentBytes}`}`,
    )
  }
  watch.resume()
  outgoing.end()
}

function received(outgoing: ClientRequest, incoming: IncomingMessage, url: URL, watch: Watch): HttpResponse {
  // A connection whose request was not sent to its end cannot serve another.
  const close = () => void outgoing.destroy()
  // Without a listener, an error after the last read would end the program.
  incoming.on('error', () => {})
  return {
    status: incoming.statusCode!,
    header: (name) => incoming.headersDistinct[name.toLowerCase()]?.join(', '),
    body: { [Symbol.asyncIterator]: () => readBody(outgoing, incoming, url, watch) },
    close,
  }
}

async function* readBody(
  outgoing: ClientRequest,
  incoming: IncomingMessage,
  url: URL,
  watch: Watch,
): AsyncGenerator<Uint8Array> {
  const parts = incoming[Symbol.asyncIterator]()
  const pace = new Pace(watch.milliseconds)
  try {
    for (;;) {
      watch.resume()
      const askedMs = performance.now()
      const next = await parts.next()
      watch.pause()
      if (next.done) break
      if (pace.isTooSlow(performance.now() - askedMs, next.value.length)) throw drops(url)
      yield next.value
    }
    if (!incoming.complete) throw brokenOff(url)
  } catch (error) {
    // A destroyed request tells its answer only that it was.
    throw watch.expired ? silence(url, watch.milliseconds) : failureOf(error, url)
  } finally {
    watch.pause()
    if (!incoming.complete || !outgoing.writableFinished) outgoing.destroy()
  }
}

/** In so many times the longest silence at least so much must come: drops that break each silence are no answer. */
const paceTimes = 10
const paceBytes = 16_384

class Pace {
  readonly #windowMs: number
  #awaitedMs = 0
  #bytes = 0

  constructor(silenceMs: number) {
    this.#windowMs = paceTimes * silenceMs
  }

  isTooSlow(awaitedMs: number, bytes: number): boolean {
    this.#awaitedMs += awaitedMs
    this.#bytes += bytes
    if (this.#awaitedMs < this.#windowMs) return false
    const tooSlow = this.#bytes < paceBytes
    this.#awaitedMs = 0
    this.#bytes = 0
    return tooSlow
  }
}

/** Counts only the time in which the host is awaited. */
class Watch {
  readonly milliseconds: number
  readonly #expire: () => void
  #timer: NodeJS.Timeout | undefined
  expired = false

  constructor(milliseconds: number, expire: () => void) {
    this.milliseconds = milliseconds
    this.#expire = () => {
      this.expired = true
      expire()
    }
    this.resume()
  }

  resume(): void {
    this.pause()
    this.#timer = setTimeout(this.#expire, this.milliseconds)
  }

  pause(): void {
    clearTimeout(this.#timer)
  }
}
