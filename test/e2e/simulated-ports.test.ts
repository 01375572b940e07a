// Published ports of a simulated machine on this computer: real connections to it, and a log that replays them.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createServer, connect as openSocket } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { cli, launcher } from '../support/cli.ts'
import { withTemporaryDirectory } from '../support/directory.ts'

const run = promisify(execFile)
const page = '<html><body><h1>It works!</h1></body></html>\n'

/** One that nobody has right now. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

interface Foreground {
  readonly said: () => string
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>
}

/** A command that goes on; comes back when it says that a port is open, or has ended. */
async function begin(words: readonly string[]): Promise<Foreground> {
  const child: ChildProcess = spawn(process.execPath, ['--', launcher, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const open = new Promise<void>((resolve) => {
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (/ is a port of /.test(said)) resolve()
      })
  })
  await Promise.race([open, ended])
  return {
    said: () => said,
    end: async (signal) => {
      child.kill(signal)
      return await ended
    },
  }
}

describe('vitrine --sim, on the ports of this computer', () => {
  it('serves what runs to curl and to fetch, many at once, and replays it to the same machine', () =>
    withTemporaryDirectory(async (directory) => {
      const sim = ['--root', directory, '--sim']
      const port = await freePort()
      const url = `http://127.0.0.1:${port}`
      await cli([...sim, 'run', '-d', '--name', 'web', '-p', `${port}:80`, 'httpd'])
      const big = 'yes 0123456789abcde | head -c 1048576 > /usr/local/apache2/htdocs/big'
      expect((await cli([...sim, 'exec', 'web', 'sh', '-c', big])).code).toBe(0)
      const server = await begin([...sim, 'machine', 'serve'])
      expect((await run('curl', ['-s', url])).stdout).toBe(page)
      const answers = await Promise.all(Array.from({ length: 20 }, async () => await (await fetch(url)).text()))
      expect(new Set(answers)).toEqual(new Set([page]))
      const bytes = await (await fetch(`${url}/big`)).text()
      expect(bytes).toBe('0123456789abcde\n'.repeat(65536))
      expect((await fetch(`${url}/nosuch`)).status).toBe(404)
      // One that hangs up in the midst of it, and one that says nothing.
      for (const request of [`GET /big HTTP/1.1\r\n\r\n`, '']) {
        const socket = openSocket(port, '127.0.0.1')
        socket.write(request)
        if (request !== '') await new Promise((resolve) => socket.once('data', resolve))
        socket.destroy()
      }
      expect(await (await fetch(url)).text()).toBe(page)
      expect(await server.end('SIGINT')).toBe(0)
      const { stdout } = await cli([...sim, 'logs', 'web'])
      expect(stdout.match(/"GET \/ HTTP\/1\.1" 200 45/g)).toHaveLength(22)
      expect((await cli([...sim, 'exec', 'web', 'ps', '-ef'])).stdout.trim().split('\n')).toHaveLength(3)
    }))

  it('serves a container in the foreground, which SIGINT ends', () =>
    withTemporaryDirectory(async (directory) => {
      const sim = ['--root', directory, '--sim']
      const port = await freePort()
      const foreground = [...sim, '--publish-real', 'run', '--rm', '-p', `${port}:80`, 'httpd']
      const server = await begin(foreground)
      expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe(page)
      expect(await server.end('SIGINT')).toBe(0)
      expect(server.said()).toContain('"GET / HTTP/1.1" 200 45')
      expect(await cli([...sim, 'ps', '-aq'])).toEqual({ code: 0, stdout: '', stderr: '' })
    }))

  it('says which port another program has, and that nobody would hold those of a detached container', () =>
    withTemporaryDirectory(async (directory) => {
      const sim = ['--root', directory, '--sim']
      const other = createServer()
      await new Promise<void>((resolve) => other.listen({ port: 0, host: '127.0.0.1' }, resolve))
      const { port } = other.address() as { port: number }
      const ports = ['-p', `${port}:80`]
      const held = await cli([...sim, '--publish-real', 'run', '--name', 'web', ...ports, 'httpd'])
      expect([held.code, held.stderr]).toEqual([137, `vitrine: listen on 127.0.0.1:${port}: another program has it\n`])
      await cli([...sim, 'start', 'web'])
      const serving = await cli([...sim, 'machine', 'serve'])
      expect([serving.code, serving.stderr]).toEqual([125, held.stderr])
      other.close()
      const detached = await cli([...sim, '--publish-real', 'run', '-d', ...ports, 'httpd'])
      expect([detached.code, detached.stderr]).toEqual([125, expect.stringContaining('vitrine --sim machine serve')])
      expect((await cli([...sim, 'ps', '-q'])).stdout).toMatch(/^[0-9a-f]{12}\n$/)
    }))
})
