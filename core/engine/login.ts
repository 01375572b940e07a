// login and logout: credentials that a registry has accepted are written down, and forgotten. podman-login(1), podman-logout(1).

import { UserError } from '../errors.ts'
import { isRegistry, parseName } from '../image/reference.ts'
import { normalRegistry } from '../image/registry/auth-file.ts'
import { openRegistry } from '../image/registry/client.ts'
import {
  findCredentials,
  removeAllCredentials,
  removeCredentials,
  storeCredentials,
} from '../image/registry/credentials.ts'
import type { Credentials } from '../image/registry/endpoint.ts'
import { type EndpointOptions, loginEndpoint } from '../image/registry/endpoints.ts'
import { type RegistriesConf, readRegistriesConf } from '../image/registry/registries-conf.ts'
import type { Host } from './host.ts'

export type LoginAccess = Pick<EndpointOptions, 'tlsVerify' | 'authfile' | 'certDir'>

/** What somebody logs in to, and the configuration that says how. */
export interface LoginPlace {
  /** A registry, or a namespace or repository of one: `quay.io`, `quay.io/team`. */
  readonly key: string
  readonly conf: RegistriesConf
}

/**
 * What a user names as a registry: also an address, of which only the host counts.
 *
 * @errors UserError for what is no registry
 */
export function loginKey(text: string): string {
  const refuse = (why: string): never => {
    throw new UserError(`registry ${JSON.stringify(text)}: ${why}`)
  }
  const address = /^https?:\/\/([^/]*)/.exec(text)?.[1]
  const [host = '', ...path] = (address ?? text.replace(/\/+$/, '')).split('/')
  if (!isRegistry(host)) refuse('must be HOST[:PORT], with a namespace behind it if you like')
  const key = [normalRegistry(host), ...path].join('/')
  if (path.length === 0) return key
  const { tag, digest } = parseName(path.join('/'))
  if ((tag ?? digest) !== undefined) refuse('one logs in to registries, namespaces and repositories, not to one image')
  return key
}

/**
 * The place that is meant: the first of the registries to search when none is named.
 *
 * @errors UserError when there is none
 */
export async function loginPlace(host: Host, text: string | undefined): Promise<LoginPlace> {
  const conf = await readRegistriesConf(host)
  const named = text ?? conf.search[0]
  if (named === undefined)
    throw new UserError(`no registry is named, and ${conf.path} has none to search: name one, such as docker.io`)
  return { key: loginKey(named), conf }
}

/** The login that would be used there. */
export async function knownLogin(
  host: Host,
  { key, conf }: LoginPlace,
  authfile?: string,
): Promise<Credentials | undefined> {
  return await findCredentials(host, key, { authfile, conf })
}

/** Asks the registry. @errors RegistryError when it refuses, UserError when it cannot be reached */
export async function checkLogin(
  host: Host,
  { key, conf }: LoginPlace,
  credentials: Credentials,
  access: LoginAccess,
): Promise<void> {
  const { tlsVerify, certDir } = access
  await openRegistry(host, await loginEndpoint(host, key, { tlsVerify, certDir, credentials, conf })).checkLogin()
}

/**
 * Logs in: what the registry accepts is written down.
 *
 * @returns where, for the user
 * @errors RegistryError when the registry refuses; nothing is written then
 */
export async function login(
  host: Host,
  place: LoginPlace,
  credentials: { readonly username: string; readonly password: string },
  access: LoginAccess,
): Promise<string> {
  await checkLogin(host, place, credentials, access)
  return await storeCredentials(host, place.key, credentials, { authfile: access.authfile, conf: place.conf })
}

/** @errors UserError when there is no login that is ours to forget */
export async function logout(host: Host, { key, conf }: LoginPlace, authfile?: string): Promise<void> {
  if (await removeCredentials(host, key, { authfile, conf })) return
  const elsewhere = (await findCredentials(host, key, { authfile, conf })) !== undefined
  throw new UserError(
    elsewhere
      ? `not logged into ${key} by this program; a login of another one, such as docker login, is left as it is`
      : `not logged into ${key}`,
  )
}

export async function logoutAll(host: Host, authfile?: string): Promise<void> {
  await removeAllCredentials(host, { authfile, conf: await readRegistriesConf(host) })
}
