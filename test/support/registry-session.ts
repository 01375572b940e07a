// A session whose program knows only the registries that a test tells it of: its own configuration, logins and home.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll } from 'vitest'
import type { ImageRecord } from '../../core/image/store.ts'
import type { CliOptions } from './cli.ts'
import { needsRegistry } from './registry.ts'
import { digestOf } from './remote-images.ts'
import { needsContainers, openSession, type Session } from './session.ts'

export const needsContainersAndRegistry = {
  ...needsContainers,
  programs: [...needsContainers.programs, ...needsRegistry.programs],
} as const

export interface RegistrySession extends Session {
  /** Writes registries.conf; the one before is gone. containers-registries.conf(5) */
  readonly configure: (toml: string) => void
  /** What its program sees instead of the caller's environment. */
  readonly environment: Readonly<Record<string, string>>
  readonly home: string
  /** A store of its own, empty: options for `run` and `ok`. */
  readonly elsewhere: () => { readonly directory: string }
}

/** To be called once, at the top of a test file. */
export function openRegistrySession(wanted: { readonly image?: false } = { image: false }): RegistrySession {
  const session = openSession(wanted)
  const { directory } = session
  const home = join(directory, 'home')
  const conf = join(directory, 'registries.conf')
  const environment = {
    HOME: home,
    CONTAINERS_REGISTRIES_CONF: conf,
    REGISTRY_AUTH_FILE: join(directory, 'auth.json'),
    XDG_RUNTIME_DIR: join(directory, 'home'),
  }
  const configure = (toml: string) => writeFileSync(conf, toml)
  beforeAll(() => {
    mkdirSync(home, { recursive: true })
    configure('')
  })
  const withOurs = (options: CliOptions = {}) => ({ ...options, env: { ...environment, ...options.env } })
  return {
    ...session,
    run: (argv, options) => session.run(argv, withOurs(options)),
    ok: (argv, options) => session.ok(argv, withOurs(options)),
    configure,
    environment,
    home,
    elsewhere: () => ({ directory: mkdtempSync(join(directory, 'store-')) }),
  }
}

/** `[[registry]]` tables that let plain HTTP be spoken with these. */
export const insecure = (...addresses: readonly string[]): string =>
  addresses.map((address) => `[[registry]]\nlocation = "${address}"\ninsecure = true\n`).join('')

/** What is wrong with the images of a store, one sentence each: none after any pull that has ended, however it ended. */
export function storeProblems(directory: string): string[] {
  const images = join(directory, 'root/images')
  const names = (path: string) => (existsSync(join(images, path)) ? readdirSync(join(images, path)) : [])
  const index = join(images, 'index.json')
  const records: readonly ImageRecord[] = existsSync(index) ? JSON.parse(readFileSync(index, 'utf8')).images : []
  const wanted = { blobs: new Set<string>(), layers: new Set<string>() }
  for (const { blobs, layers } of records) {
    for (const hex of blobs) wanted.blobs.add(hex)
    for (const { diffId } of layers) wanted.layers.add(diffId)
  }
  const here = { blobs: names('blobs/sha256'), layers: names('layers') }
  const problems = names('tmp').map((name) => `a draft is left: ${name}`)
  for (const kind of ['blobs', 'layers'] as const) {
    for (const name of here[kind]) if (!wanted[kind].has(name)) problems.push(`nobody needs ${kind}/${name}`)
    for (const name of wanted[kind]) if (!here[kind].includes(name)) problems.push(`${kind}/${name} is missing`)
  }
  for (const hex of here.blobs) {
    const digest = digestOf(readFileSync(join(images, 'blobs/sha256', hex)))
    if (digest !== `sha256:${hex}`) problems.push(`the content of the blob ${hex} has the digest ${digest}`)
  }
  return problems
}
