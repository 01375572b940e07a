// Hostile servers and proxies on real connections: verification is not lost on any way, and no answer hangs or breaks the program.

import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { expect } from 'vitest'
import { openHttp } from '../../backends/linux/http.ts'
import { openRegistry } from '../../core/image/registry/client.ts'
import { HttpFailure } from '../../core/image/registry/http.ts'
import { makeCertificate } from '../support/certificate.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { failure, request, send, withHttp, withServer } from '../support/http-servers.ts'
import { skipUnless } from '../support/needs.ts'
import { collected, loopbackEndpoint, realDeps } from '../support/registry-client.ts'

const { describe, it } = skipUnless({ linux: true, programs: ['openssl'] })
const anywhere = skipUnless({ linux: true })

/** A TLS server with a certificate that only it believes; the address, and the certificate. */
async function withTls<T>(
  answer: RequestListener,
  use: (address: string, certificate: string) => Promise<T>,
): Promise<T> {
  return await withTemporaryDirectory(async (directory) => {
    const { path, keyPath } = makeCertificate(directory, 'server')
    const certificate = readFileSync(path, 'utf8')
    const server = createTlsServer({ cert: certificate, key: readFileSync(keyPath) }, answer)
    return await withServer(server, (address) => use(address, certificate))
  })
}

/** A proxy that leads every CONNECT to one address. */
async function withProxyTo<T>(address: string, use: (proxy: string) => Promise<T>): Promise<T> {
  const proxy = createServer().on('connect', (_: IncomingMessage, socket: Socket) => {
    const through = connect(Number(address.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      through.pipe(socket).pipe(through)
    })
    for (const one of [socket, through]) one.on('error', () => {})
  })
  return await withServer(proxy, use)
}

describe('verification', () => {
  const answer: RequestListener = (_, response) => void response.end('secret')

  it('is asked for by each request: a connection that was made without it serves none with it', () =>
    withTls(answer, async (address, certificate) => {
      const http = openHttp({}, 'vitrine/test')
      const get = async (tls: Parameters<typeof send>[1] & object) =>
        String(await collected((await http.send(request(`https://${address}/`, tls))).body))
      const known = { tls: { verify: true, authorities: [certificate] } }
      // Each leaves a connection and a TLS session behind.
      for (let time = 0; time < 3; time++) {
        expect(await get({ tls: { verify: false } })).toBe('secret')
        expect(await failure(get({ tls: { verify: true } }))).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
        expect(await get(known)).toBe('secret')
        expect(await failure(get({ tls: { verify: true, authorities: [] } }))).toBeInstanceOf(HttpFailure)
      }
    }))

  it('is not left to the environment', () =>
    withTls(answer, async (address) => {
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
      try {
        expect(await failure(send(`https://${address}/`))).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
      } finally {
        delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      }
    }))

  it('is of the registry behind a proxy, and of its name', () =>
    withTls(answer, (address, certificate) =>
      withProxyTo(address, async (proxy) => {
        const http = openHttp({ HTTPS_PROXY: proxy }, 'vitrine/test')
        const get = (authorities: string[]) =>
          http.send(request('https://registry.example/', { tls: { verify: true, authorities } }))
        expect(await failure(get([]))).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
        expect(await failure(get([certificate]))).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
      }),
    ))

  it('holds where a registry sends us, and for its token server', () =>
    withTls(
      (_, response) => void response.end('{"token":"x"}'),
      (elsewhere) =>
        withTls(
          (incoming, response) => {
            if (incoming.url!.includes('/blobs/')) response.writeHead(307, { location: `https://${elsewhere}/` }).end()
            else response.writeHead(401, { 'www-authenticate': `Bearer realm="https://${elsewhere}/token"` }).end()
          },
          async (address, certificate) => {
            const tls = { verify: true, authorities: [certificate] }
            const client = openRegistry(realDeps(), loopbackEndpoint(address, 'a/b', { tls, insecure: false }))
            const blob = { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 10 }
            await expect(collected(client.blob(blob))).rejects.toThrow(
              `the certificate of ${elsewhere} is signed by itself`,
            )
            await expect(client.manifest('1')).rejects.toThrow(`the certificate of ${elsewhere} is signed by itself`)
          },
        ),
    ))
})

anywhere.describe('a server', () => {
  /** What it writes to whoever connects, and an end, or none. */
  const answers: Readonly<Record<string, string>> = {
    'with headers without end': `HTTP/1.1 200 OK\r\n${'X-A: b\r\n'.repeat(100_000)}`,
    'with one header without end': `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(1_000_000)}`,
    'that wants to speak something else':
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
    'with a status that is none': 'HTTP/1.1 99999 \r\n\r\n',
    'with two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    'with a length and portions':
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
    'with portions that are none': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'with a line break in a header': 'HTTP/1.1 200 OK\r\nA: b\rc: d\r\nContent-Length: 1\r\n\r\na',
    'that only says that it goes on': 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(10_000),
    'with NUL': 'HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 1\r\n\r\na',
  }
  for (const [what, text] of Object.entries(answers)) {
    anywhere.it(`${what} is answered for by a sentence, or understood`, async () => {
      const server = createTcpServer((socket) => {
        socket.on('error', () => {})
        socket.once('data', () => socket.write(text))
      })
      await withServer(server, async (address) => {
        try {
          const { status, body } = await send(`http://${address}/`, { idleTimeoutMs: 500 })
          expect(status).toBeGreaterThanOrEqual(200)
          await collected(body)
        } catch (error) {
          expect(error).toBeInstanceOf(HttpFailure)
          expect((error as Error).message).toContain(address.split(':')[0])
        }
      })
    })
  }

  anywhere.it('that sends in drops without end is not read without end', () =>
    withHttp(
      (_, response) => {
        response.writeHead(200, { 'content-length': 1e9 })
        const timer = setInterval(() => response.write('x'), 20)
        response.on('close', () => clearInterval(timer))
      },
      async (address) => {
        const { body } = await send(`http://${address}/`, { idleTimeoutMs: 150 })
        const dropped = await failure(collected(body))
        expect(dropped).toMatchObject({ code: 'ETIMEDOUT', transient: true })
        // A machine may be so slow that the drops are silence.
        expect((dropped as Error).message).toMatch(/ sends next to nothing$| sent nothing for /)
      },
    ),
  )

  anywhere.it('that says nothing but that it goes on is not waited for', () =>
    withHttp(
      (_, response) => {
        const timer = setInterval(() => response.writeProcessing(), 20)
        response.on('close', () => clearInterval(timer))
      },
      async (address) => {
        const silent = await failure(send(`http://${address}/`, { idleTimeoutMs: 300 }))
        expect(silent).toMatchObject({ code: 'ETIMEDOUT' })
      },
    ),
  )
})
