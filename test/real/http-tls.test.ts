// TLS and proxies as registries need them: whom a connection believes, what it shows, where it goes through.

import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect } from 'node:net'
import { expect } from 'vitest'
import { openHttp } from '../../backends/linux/http.ts'
import { makeCertificate } from '../support/certificate.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { failure, request, send, withHttp, withServer } from '../support/http-servers.ts'
import { skipUnless } from '../support/needs.ts'
import { collected } from '../support/registry-client.ts'

const anywhere = skipUnless({ linux: true })
const { describe, it } = skipUnless({ linux: true, programs: ['openssl'] })

interface Identity {
  readonly certificate: string
  readonly key: string
}

describe('TLS', () => {
  const answer: RequestListener = (_, response) => void response.end('secret')

  it('believes an authority that it is given besides the system, anyone when told so, else nobody new', () =>
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
    }))

  it('says for whom a certificate is that is for others', () =>
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
    }))

  it('shows a client certificate, and says that one is wanted', () =>
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
    }))

  it('goes through a proxy that sees none of it', () =>
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
    }))
})

anywhere.describe('a proxy', () => {
  anywhere.it('of http gets the whole URL, of hosts that are not exempt', async () => {
    const note: RequestListener = (incoming, response) => void response.end(`proxy ${incoming.url}`)
    await withHttp(note, async (address) => {
      const http = openHttp({ HTTP_PROXY: address, NO_PROXY: 'example.org' }, 'vitrine/test')
      const answer = await http.send(request('http://registry.example/v2/'))
      expect(String(await collected(answer.body))).toBe('proxy http://registry.example/v2/')
    })
  })

  anywhere.it('that refuses is named', async () => {
    const refusing = createServer().on('connect', (_, socket) => void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'))
    await withServer(refusing, async (address) => {
      const error = await failure(
        openHttp({ HTTPS_PROXY: address }, 'vitrine/test').send(request('https://a.example/')),
      )
      expect(error).toMatchObject({ message: expect.stringMatching(/^connect to a\.example:443 through the proxy: /) })
    })
  })
})
