// HTTP as registries need it: streams that wait for their reader, proxies, certificates, and what is said when it fails.

import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { openHttp } from '../../backends/linux/http.ts'
import { HttpFailure, type HttpRequest } from '../../core/image/registry/http.ts'
import { makeCertificate } from '../support/certificate.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'
import { collected } from '../support/registry-client.ts'

const { describe, it } = skipUnless({ linux: true })
const { it: itWithCertificates } = skipUnless({ linux: true, programs: ['openssl'] })

const request = (url: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  url,
  headers: {},
  tls: { verify: true },
  idleTimeoutMs: 10_000,
  ...more,
})
const send = (url: string, more: Partial<HttpRequest> = {}) => openHttp({}, 'vitrine/test').send(request(url, more))

async function withServer<T>(server: Server, use: (address: string) => Promise<T>, host = '127.0.0.1'): Promise<T> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  try {
    return await use(`${host}:${(server.address() as AddressInfo).port}`)
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
}

const withHttp = <T>(answer: RequestListener, use: (address: string) => Promise<T>) =>
  withServer(createServer(answer), use)

/** An error that is thrown, and it must be. */
async function failure(act: Promise<unknown>): Promise<unknown> {
  return await act.then(
    () => expect.unreachable('it did not fail'),
    (error: unknown) => error,
  )
}

/** Waits until a counter stands still. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; ; await sleep(100)) {
    if (before === count() && before > 0) return before
    before = count()
  }
}

describe('a request', () => {
  it('goes out with its headers and body, and the answer comes with its headers, several of one name joined', async () => {
    const echo = async (incoming: IncomingMessage, response: ServerResponse) => {
      const body = await collected(incoming)
      response.setHeader('www-authenticate', ['Basic realm="a"', 'Bearer realm="b"'])
      const { method, headers } = incoming
      response.end(
        JSON.stringify({ method, agent: headers['user-agent'], length: headers['content-length'], body: String(body) }),
      )
    }
    await withHttp(echo, async (address) => {
      const answer = await send(`http://${address}/`, { method: 'PUT', body: new TextEncoder().encode('text') })
      expect([answer.status, answer.header('WWW-Authenticate')]).toEqual([200, 'Basic realm="a", Bearer realm="b"'])
      const seen = JSON.parse(String(await collected(answer.body)))
      expect(seen).toEqual({ method: 'PUT', agent: 'vitrine/test', length: '4', body: 'text' })
      const empty = await send(`http://${address}/`, { method: 'POST' })
      expect(JSON.parse(String(await collected(empty.body)))).toMatchObject({ length: '0', body: '' })
    })
  })

  it('uses the connection of the one before', async () => {
    const ports = new Set<number | undefined>()
    const note: RequestListener = (incoming, response) => {
      ports.add(incoming.socket.remotePort)
      response.end('answer')
    }
    await withHttp(note, async (address) => {
      const http = openHttp({}, 'vitrine/test')
      for (let count = 0; count < 3; count++) {
        const answer = await http.send(request(`http://${address}/`))
        await collected(answer.body)
        answer.close()
      }
      expect(ports.size).toBe(1)
    })
  })

  it('leaves a connection whose answer was not read to its end', async () => {
    const stream: RequestListener = (_, response) => {
      response.write('begin')
    }
    await withHttp(stream, async (address) => {
      const answer = await send(`http://${address}/`)
      for await (const part of answer.body) {
        expect(String(part)).toBe('begin')
        break
      }
      const closed = await send(`http://${address}/`)
      closed.close()
      expect(await failure(collected(closed.body))).toBeInstanceOf(HttpFailure)
    })
  })
})

describe('a stream', () => {
  const lengthBytes = 64 << 20
  const piece = new Uint8Array(1 << 16)

  it('that comes waits for its reader: the server cannot send all', async () => {
    let sentBytes = 0
    const flood: RequestListener = async (_, response) => {
      for (; sentBytes < lengthBytes; sentBytes += piece.length) {
        if (!response.write(piece)) await new Promise((resolve) => response.once('drain', resolve))
      }
      response.end()
    }
    await withHttp(flood, async (address) => {
      const answer = await send(`http://${address}/`)
      let readBytes = 0
      for await (const part of answer.body) {
        if (readBytes === 0) expect(await settled(() => sentBytes)).toBeLessThan(lengthBytes / 2)
        readBytes += part.length
      }
      expect(readBytes).toBe(lengthBytes)
    })
  })

  it('that goes waits for the server: its source is not read to the end', async () => {
    let readBytes = 0
    async function* source() {
      for (; readBytes < lengthBytes; readBytes += piece.length) yield piece
    }
    const lazy: RequestListener = async (incoming, response) => {
      expect(await settled(() => readBytes)).toBeLessThan(lengthBytes / 2)
      let gotBytes = 0
      for await (const part of incoming) gotBytes += part.length
      response.end(String(gotBytes))
    }
    await withHttp(lazy, async (address) => {
      const answer = await send(`http://${address}/`, { method: 'PUT', body: { bytes: source(), lengthBytes } })
      expect(String(await collected(answer.body))).toBe(String(lengthBytes))
    })
  })

  it('ends when the server answers before its end', async () => {
    let ended = false
    async function* endless() {
      try {
        for (;;) yield piece
      } finally {
        ended = true
      }
    }
    const refuse: RequestListener = (_, response) => {
      response.writeHead(413).end('too large')
    }
    await withHttp(refuse, async (address) => {
      const body = { bytes: endless(), lengthBytes: Number.MAX_SAFE_INTEGER }
      const answer = await send(`http://${address}/`, { method: 'PUT', body })
      expect([answer.status, String(await collected(answer.body))]).toEqual([413, 'too large'])
      await expect.poll(() => ended).toBe(true)
    })
  })

  it('fails with what its source throws, and when its source has another length', async () => {
    const swallow: RequestListener = (incoming, response) => void incoming.resume().on('end', () => response.end())
    async function* broken() {
      yield piece
      throw new Error('the disk is broken')
    }
    async function* once() {
      yield piece
    }
    await withHttp(swallow, async (address) => {
      const put = (bytes: AsyncIterable<Uint8Array>, lengthBytes: number) =>
        send(`http://${address}/`, { method: 'PUT', body: { bytes, lengthBytes } })
      await expect(put(broken(), 2 * piece.length)).rejects.toThrow('the disk is broken')
      await expect(put(once(), 2 * piece.length)).rejects.toThrow('the source has only 65536')
      await expect(put(once(), 10)).rejects.toThrow('the source has more')
    })
  })

  it('of a reader who takes long is not taken for silence, and silence is', async () => {
    const silent: RequestListener = (incoming, response) => {
      response.write(piece)
      response.write(piece)
      if (incoming.url === '/whole') response.end()
    }
    await withHttp(silent, async (address) => {
      const read = async (path: string) => {
        const answer = await send(`http://${address}${path}`, { idleTimeoutMs: 600 })
        let readBytes = 0
        for await (const part of answer.body) {
          if (readBytes === 0) await sleep(800)
          readBytes += part.length
        }
        return readBytes
      }
      expect(await read('/whole')).toBe(2 * piece.length)
      expect(await failure(read('/'))).toMatchObject({
        code: 'ETIMEDOUT',
        transient: true,
        message: `${address} sent nothing for 0.6 s`,
      })
    })
  })
})

describe('a failure', () => {
  it('says that nobody listens', async () => {
    const address = await withServer(createTcpServer(), async (address) => address)
    for (const scheme of ['http', 'https']) {
      const expected = { code: 'ECONNREFUSED', transient: true, message: `connect to ${address}: connection refused` }
      expect(await failure(send(`${scheme}://${address}/`))).toMatchObject(expected)
    }
  })

  it('says that a name is not known, or that nobody knows names', async () => {
    const error = await failure(send('https://nosuch.invalid/'))
    expect(error).toMatchObject({ message: expect.stringMatching(/^look up nosuch\.invalid: no /) })
  })

  it('says that a connection broke, before the answer or in it', async () => {
    const reset: RequestListener = (incoming, response) => {
      if (incoming.url === '/') incoming.socket.destroy()
      else response.writeHead(200, { 'content-length': 100 }).write('half', () => incoming.socket.destroy())
    }
    await withHttp(reset, async (address) => {
      const broke = { transient: true, message: `${address} broke the connection` }
      expect(await failure(send(`http://${address}/`))).toMatchObject(broke)
      const answer = await send(`http://${address}/half`)
      expect(await failure(collected(answer.body))).toMatchObject(broke)
    })
  })

  it('says what is spoken instead of TLS, and instead of HTTP', async () => {
    await withHttp(
      (_, response) => void response.end(),
      async (address) => {
        const error = await failure(send(`https://${address}/`))
        const message = expect.stringMatching(`^${address} does not speak TLS: if it speaks plain http, use`)
        expect(error).toMatchObject({ transient: false, message })
      },
    )
    const ssh = createTcpServer((socket) => void socket.end('SSH-2.0-server\r\n'))
    await withServer(ssh, async (address) => {
      const message = `${address} answered with something that is not HTTP`
      expect(await failure(send(`http://${address}/`))).toMatchObject({ transient: false, message })
    })
  })
})

describe('TLS', () => {
  const answer: RequestListener = (_, response) => void response.end('secret')

  itWithCertificates(
    'believes an authority that it is given besides the system, anyone when told so, else nobody new',
    () =>
      withTemporaryDirectory(async (directory) => {
        const { path, keyPath } = makeCertificate(directory, 'server')
        const certificate = readFileSync(path, 'utf8')
        const server = createTlsServer({ cert: certificate, key: readFileSync(keyPath) }, answer)
        await withServer(server, async (address) => {
          for (const tls of [{ verify: true, authorities: [certificate] }, { verify: false }]) {
            expect(String(await collected((await send(`https://${address}/`, { tls })).body))).toBe('secret')
          }
          expect(await failure(send(`https://${address}/`))).toMatchObject({
            code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
            transient: false,
            message: `the certificate of ${address} is signed by itself; to believe it, put the certificate of its authority into /etc/containers/certs.d/${address}/ca.crt, or use --tls-verify=false`,
          })
        })
      }),
  )

  itWithCertificates('says for whom a certificate is that is for others', () =>
    withTemporaryDirectory(async (directory) => {
      const { path, keyPath } = makeCertificate(directory, 'server')
      const certificate = readFileSync(path, 'utf8')
      const server = createTlsServer({ cert: certificate, key: readFileSync(keyPath) }, answer)
      const act = async (address: string) => {
        const tls = { verify: true, authorities: [certificate] }
        expect(await failure(send(`https://${address}/`, { tls }))).toMatchObject({
          code: 'ERR_TLS_CERT_ALTNAME_INVALID',
          transient: false,
          message: expect.stringMatching(/is for other names \(.*127\.0\.0\.1.*\); to believe it/),
        })
      }
      await withServer(server, act, '127.0.0.2')
    }),
  )

  itWithCertificates('shows a client certificate, and says that one is wanted', () =>
    withTemporaryDirectory(async (directory) => {
      const [server, client] = ['server', 'client'].map((name) => {
        const { path, keyPath } = makeCertificate(directory, name)
        return { certificate: readFileSync(path, 'utf8'), key: readFileSync(keyPath, 'utf8') }
      }) as [Identity, Identity]
      const options = { cert: server.certificate, key: server.key, ca: client.certificate, requestCert: true }
      await withServer(createTlsServer(options, answer), async (address) => {
        const tls = { verify: true, authorities: [server.certificate] }
        const known = await send(`https://${address}/`, { tls: { ...tls, ...client } })
        expect(String(await collected(known.body))).toBe('secret')
        const message = `${address} does not accept our client certificate, or wants one: put NAME.cert and NAME.key into /etc/containers/certs.d/${address}/`
        expect(await failure(send(`https://${address}/`, { tls }))).toMatchObject({ transient: false, message })
        const unreadable = { ...tls, certificate: 'no PEM', key: 'no PEM' }
        await expect(send(`https://${address}/`, { tls: unreadable })).rejects.toThrow(
          'read the certificates for TLS: ',
        )
      })
    }),
  )

  itWithCertificates('goes through a proxy that sees none of it', () =>
    withTemporaryDirectory(async (directory) => {
      const { path, keyPath } = makeCertificate(directory, 'server')
      const server = createTlsServer({ cert: readFileSync(path), key: readFileSync(keyPath) }, answer)
      await withServer(server, async (address) => {
        const asked: (string | undefined)[] = []
        const proxy = createServer().on('connect', (incoming: IncomingMessage, socket) => {
          asked.push(`${incoming.method} ${incoming.url} ${incoming.headers['proxy-authorization'] ?? ''}`)
          const [, port] = address.split(':')
          const through = connect(Number(port), '127.0.0.1', () => {
            socket.write('HTTP/1.1 200 OK\r\n\r\n')
            through.pipe(socket).pipe(through)
          })
          socket.on('error', () => {})
        })
        await withServer(proxy, async (proxyAddress) => {
          const http = openHttp({ https_proxy: `http://user:secret@${proxyAddress}` }, 'vitrine/test')
          const got = await http.send(request('https://registry.example/', { tls: { verify: false } }))
          expect(String(await collected(got.body))).toBe('secret')
          expect(asked).toEqual([`CONNECT registry.example:443 Basic ${btoa('user:secret')}`])
        })
      })
    }),
  )
})

interface Identity {
  readonly certificate: string
  readonly key: string
}

describe('a proxy', () => {
  it('of http gets the whole URL, of hosts that are not exempt', async () => {
    const note: RequestListener = (incoming, response) => void response.end(`proxy ${incoming.url}`)
    await withHttp(note, async (address) => {
      const http = openHttp({ HTTP_PROXY: address, NO_PROXY: 'example.org' }, 'vitrine/test')
      const answer = await http.send(request('http://registry.example/v2/'))
      expect(String(await collected(answer.body))).toBe('proxy http://registry.example/v2/')
    })
  })

  it('that refuses is named', async () => {
    const refusing = createServer().on('connect', (_, socket) => void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'))
    await withServer(refusing, async (address) => {
      const error = await failure(
        openHttp({ HTTPS_PROXY: address }, 'vitrine/test').send(request('https://a.example/')),
      )
      expect(error).toMatchObject({ message: expect.stringMatching(/^connect to a\.example:443 through the proxy: /) })
    })
  })
})
