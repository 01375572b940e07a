// HTTP as registries need it: streams that wait for their reader, and what is said when there is no answer.

import { execFile } from 'node:child_process'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { openHttp } from '../../backends/linux/http.ts'
import { HttpFailure } from '../../core/image/registry/http.ts'
import { failure, request, send, withHttp, withServer } from '../support/http-servers.ts'
import { skipUnless } from '../support/needs.ts'
import { collected } from '../support/registry-client.ts'

const { describe, it } = skipUnless({ linux: true })

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

  it('keeps no process alive that has nothing else to do', async () => {
    const module = join(import.meta.dirname, '../../backends/linux/http.ts')
    const script = `import { openHttp } from ${JSON.stringify(module)}
      const request = { method: 'GET', url: process.argv[1], headers: {}, tls: { verify: true }, idleTimeoutMs: 600_000 }
      for await (const part of (await openHttp({}, 'vitrine/test').send(request)).body) process.stdout.write(part)`
    // A server that would not end it either.
    const server = createServer({ keepAliveTimeout: 600_000 }, (_, response) => void response.end('answer'))
    await withServer(server, async (address) => {
      const argv = ['--input-type=module', '-e', script, `http://${address}/`]
      const { stdout } = await promisify(execFile)(process.execPath, argv, { timeout: 20_000 })
      expect(stdout).toBe('answer')
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
