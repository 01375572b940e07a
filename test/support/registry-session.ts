// A session whose program knows only the registries that a test tells it of: its own configuration, logins and home.

import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll } from 'vitest'
import type { CliOptions } from './cli.ts'
import { needsRegistry } from './registry.ts'
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

/** What lies in the store and must not: drafts, and locks of layers. */
export function leftInStore(directory: string): string[] {
  const below = (path: string) => {
    try {
      return readdirSync(join(directory, path)).map((name) => `${path}/${name}`)
    } catch {
      return []
    }
  }
  return below('root/images/tmp')
}
