// A real registry for a test: Debian's docker-registry on a free loopback port, its files in one directory.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificate } from './certificate.ts'
import { programPath } from './needs.ts'
import { startTokenServer, type TokenServer } from './token-server.ts'

/** What tests with a registry need, beside what they do with the images. */
export const needsRegistry = { linux: true, programs: ['docker-registry', 'openssl'] } as const

export interface RegistryOptions {
  readonly auth?: 'none' | 'basic' | 'token'
  /** `token`: may anyone pull, as from Docker Hub? */
  readonly anonymousPull?: boolean
  readonly tls?: boolean
  /** Where its files go; it is made. One of its own below the temporary directory, removed by `stop`, unless said. */
  readonly directory?: string
}

export interface Registry {
  /** `127.0.0.1:PORT`, as image names have it. */
  readonly address: string
  readonly port: number
  /** `http://127.0.0.1:PORT` or https. */
  readonly url: string
  /** With `tls`: the PEM file of its authority, which no system believes. */
  readonly ca?: string
  readonly user?: string
  readonly password?: string
  readonly tokens?: TokenServer
  readonly directory: string
  /** What it has logged until now. */
  readonly log: () => string
  readonly stop: () => Promise<void>
}

const user = 'tester'
// With a colon, a blank, and what URLs and shells treat specially: a client that does not encode it is found out.
const password = 'open: sesame/%'
// `htpasswd -nbB -C 5 USER PASSWORD`; a salt of its own would prove nothing.
const passwordFile = `${user}:$2y$05$HL56eneAyaPRyVypvSB6hem/f0tSwzPq2lFit5ijxa7c1swDvPH92\n`

/** @errors Error with its log, when it does not come up */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const { auth = 'none', tls = false } = options
  const temporary = process.env.VITRINE_TEST_DIRECTORY ?? tmpdir()
  const directory = options.directory ?? mkdtempSync(join(temporary, 'vitrine-registry-'))
  mkdirSync(directory, { recursive: true })
  const tokens =
    auth === 'token'
      ? await startTokenServer({ directory, user, password, anonymousPull: options.anonymousPull === true })
      : undefined
  const certificate = tls ? makeCertificate(directory, 'registry') : undefined
  if (auth === 'basic') writeFileSync(join(directory, 'htpasswd'), passwordFile)
  // JSON is YAML. https://distribution.github.io/distribution/about/configuration/
  const configuration = {
    version: 0.1,
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: join(directory, 'storage') }, delete: { enabled: true } },
    http: {
      addr: '127.0.0.1:0',
      ...(certificate === undefined ? {} : { tls: { certificate: certificate.path, key: certificate.keyPath } }),
    },
    // Without it, manifests with layers that are somewhere else are refused.
    validation: { manifests: { urls: { allow: ['.*'] } } },
    ...(auth === 'basic' ? { auth: { htpasswd: { realm: 'test', path: join(directory, 'htpasswd') } } } : {}),
    ...(tokens === undefined ? {} : { auth: { token: tokens.configuration } }),
  }
  const file = join(directory, 'config.json')
  writeFileSync(file, JSON.stringify(configuration))
  const child = spawn(programPath('docker-registry') ?? 'docker-registry', ['serve', file], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
    // Tracing is on by default in later versions, and would look for a collector.
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
  })
  let log = ''
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const stop = async () => {
    child.kill('SIGKILL')
    await ended
    await tokens?.stop()
    if (options.directory === undefined) rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
  }
  try {
    const port = await listening(child, (text) => {
      log += text
      return log
    })
    const address = `127.0.0.1:${port}`
    return {
      address,
      port,
      url: `${tls ? 'https' : 'http'}://${address}`,
      ...(certificate === undefined ? {} : { ca: certificate.path }),
      ...(auth === 'none' ? {} : { user, password }),
      ...(tokens === undefined ? {} : { tokens }),
      directory,
      log: () => log,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

// It says where it listens once it does, which spares us a port that another may take in between.
function listening(child: ChildProcess, heard: (text: string) => string): Promise<number> {
  return new Promise((resolve, reject) => {
    let log = ''
    child.on('error', reject)
    child.on('close', (code, signal) => reject(new Error(`docker-registry ended with ${code ?? signal}:\n${log}`)))
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      log = heard(text)
      const port = /msg="listening on 127\.0\.0\.1:(\d+)/.exec(log)?.[1]
      if (port !== undefined) resolve(Number(port))
    })
  })
}

/** A registry while `use` runs. */
export async function withRegistry<T>(
  options: RegistryOptions,
  use: (registry: Registry) => Promise<T> | T,
): Promise<T> {
  const registry = await startRegistry(options)
  try {
    return await use(registry)
  } finally {
    await registry.stop()
  }
}
