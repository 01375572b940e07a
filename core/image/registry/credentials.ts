// Who we are at a registry: logins looked for, written and removed, in auth files and by credential helpers.

import type { Host } from '../../engine/host.ts'
import { UserError } from '../../errors.ts'
import {
  type AuthDocument,
  type AuthFile,
  authFiles,
  changeAuthFile,
  helperFor,
  loginFor,
  normalKey,
  normalRegistry,
  ownAuthFile,
  readAuthFile,
  withLogin,
  withoutLogin,
} from './auth-file.ts'
import {
  dockerServer,
  eraseFromHelper,
  loginFromHelper,
  NoHelperError,
  serversInHelper,
  storeInHelper,
} from './credential-helper.ts'
import type { Credentials } from './endpoint.ts'
import { authFilesHelper, type RegistriesConf } from './registries-conf.ts'

type CredentialHost = Pick<Host, 'kernel' | 'environment' | 'warn'>

export interface CredentialOptions {
  /** `--authfile`. */
  readonly authfile?: string
  /** Says which helpers are asked, and in which order. */
  readonly conf: Pick<RegistriesConf, 'credentialHelpers'>
}

/**
 * The login for a registry, or a namespace or repository of one: the first that the helpers of registries.conf (among
 * them, auth files) have.
 *
 * @errors UserError when nobody has one and somebody could not be asked
 */
export async function findCredentials(
  host: CredentialHost,
  name: string,
  { authfile, conf }: CredentialOptions,
): Promise<Credentials | undefined> {
  const failures: UserError[] = []
  for (const helper of conf.credentialHelpers) {
    try {
      const found =
        helper === authFilesHelper
          ? await inAuthFiles(host, name, authFiles(host, authfile))
          : await loginFromHelper(host, helper, registryOf(name))
      if (found !== undefined) return found
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      failures.push(error)
    }
  }
  if (failures.length > 0)
    throw new UserError(`credentials for ${name}: ${failures.map(({ message }) => message).join('; ')}`)
  return undefined
}

const registryOf = (name: string): string => normalRegistry(name.split('/')[0]!)

async function inAuthFiles(
  host: CredentialHost,
  name: string,
  files: readonly AuthFile[],
): Promise<Credentials | undefined> {
  for (const file of files) {
    const document = readAuthFile(host, file)
    const found = document && (await inDocument(host, name, file, document))
    if (found !== undefined) return found
  }
  return undefined
}

/** A helper for the registry is the only one to know it; else the most special entry, then Docker's store of all. */
async function inDocument(
  host: CredentialHost,
  name: string,
  { path, legacy }: AuthFile,
  document: AuthDocument,
): Promise<Credentials | undefined> {
  const registry = registryOf(name)
  const helper = helperFor(document, registry)
  if (helper !== undefined) return await loginFromHelper(host, helper, registry)
  const special = loginFor(document, name, 'namespaces', legacy)
  if (special !== undefined) return special
  if (document.credsStore) {
    try {
      const stored = await loginFromHelper(host, document.credsStore, registry)
      if (stored !== undefined) return stored
    } catch (error) {
      // It stands there for every registry, also for those that ask nobody for a login.
      if (!(error instanceof NoHelperError)) throw error
      host.warn(`${path}: ${error.message}; going on without it`)
    }
  }
  return loginFor(document, name, 'registry', legacy)
}

/**
 * Writes a login down: with the first helper of registries.conf, which is the auth file unless configured otherwise.
 *
 * @param key - a registry, or a namespace or repository of one
 * @returns where it was written, for the user
 * @errors UserError when it cannot be written, or a helper cannot keep a key with a path
 */
export async function storeCredentials(
  host: CredentialHost,
  key: string,
  login: { readonly username: string; readonly password: string },
  { authfile, conf }: CredentialOptions,
): Promise<string> {
  const [first = authFilesHelper] = conf.credentialHelpers
  if (first !== authFilesHelper) return await storeWith(host, first, key, key, login)
  const path = ownAuthFile(host, authfile)
  let where = path
  await changeAuthFile(host, path, async (document) => {
    const helper = helperFor(document, registryOf(key))
    if (helper !== undefined) where = await storeWith(host, helper, key, key, login)
    else if (document.credsStore && !key.includes('/'))
      where = await storeWith(host, document.credsStore, key, dockerServer(key), login)
    else return withLogin(document, key, login.username, login.password)
    return undefined
  })
  return where
}

async function storeWith(
  host: CredentialHost,
  helper: string,
  key: string,
  server: string,
  login: { readonly username: string; readonly password: string },
): Promise<string> {
  if (key.includes('/'))
    throw new UserError(`login to ${key}: the credential helper ${helper} keeps registries only, no namespaces`)
  await storeInHelper(host, helper, server, login.username, login.password)
  return `credential helper: ${helper}`
}

/** Removes a login wherever it is ours to write. @returns whether there was one */
export async function removeCredentials(
  host: CredentialHost,
  key: string,
  { authfile, conf }: CredentialOptions,
): Promise<boolean> {
  const whole = !key.includes('/')
  let known = false
  for (const helper of conf.credentialHelpers) {
    if (helper !== authFilesHelper) {
      if (whole && (await eraseFromHelper(host, helper, key))) known = true
      continue
    }
    await changeAuthFile(host, ownAuthFile(host, authfile), async (document) => {
      for (const inner of new Set([helperFor(document, key), document.credsStore]))
        if (inner && whole && (await eraseFromHelper(host, inner, key))) known = true
      const without = withoutLogin(document, key)
      if (without !== undefined) known = true
      return without
    })
  }
  return known
}

/** Removes every login that is ours to write. Which helper serves which registry stays written. */
export async function removeAllCredentials(host: CredentialHost, { authfile, conf }: CredentialOptions): Promise<void> {
  for (const helper of conf.credentialHelpers) {
    if (helper !== authFilesHelper) {
      for (const server of await serversInHelper(host, helper)) await eraseFromHelper(host, helper, server)
      continue
    }
    await changeAuthFile(host, ownAuthFile(host, authfile), async (document) => {
      for (const [registry, inner] of Object.entries(document.credHelpers ?? {}))
        await eraseFromHelper(host, inner, normalKey(registry))
      if (document.credsStore)
        for (const server of await serversInHelper(host, document.credsStore))
          await eraseFromHelper(host, document.credsStore, server)
      return { ...document, auths: {} }
    })
  }
}
