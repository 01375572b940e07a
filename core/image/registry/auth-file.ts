// The files in which logins are kept: where they are, what they say of a registry, how they change. containers-auth.json(5).

import { callerUid, type Host } from '../../engine/host.ts'
import { UserError } from '../../errors.ts'
import { makeDirectories, readTextIfThere, stat, writeAtomically } from '../../files.ts'
import { lockDirectory } from '../../store/lock.ts'
import { fromBase64, toBase64 } from './base64.ts'
import type { Credentials } from './endpoint.ts'

export interface AuthFile {
  readonly path: string
  /** `~/.dockercfg`: the entries stand at the top, and only registries have one. */
  readonly legacy: boolean
}

/** Of an entry only these are understood; the rest of a file is kept as it is. */
interface AuthEntry {
  readonly auth?: string
  readonly identitytoken?: string
}

export interface AuthDocument {
  readonly auths?: Readonly<Record<string, AuthEntry>>
  /** Programs by registry: `docker-credential-NAME`. */
  readonly credHelpers?: Readonly<Record<string, string>>
  /** The program for all other registries, in Docker's file. */
  readonly credsStore?: string
  readonly [other: string]: unknown
}

type AuthHost = Pick<Host, 'kernel' | 'environment'>

/** Docker Hub under the one name that is used here for it. */
export function normalRegistry(registry: string): string {
  return ['index.docker.io', 'registry-1.docker.io'].includes(registry) ? 'docker.io' : registry
}

/** The registry of a key that is an address: `https://index.docker.io/v1/` is docker.io's. Keys with a path stay themselves. */
export function normalKey(key: string, legacy = false): string {
  const bare = key.replace(/^https?:\/\//, '').replace(/^(index\.docker\.io)\/v1\/?$/, '$1')
  return normalRegistry(legacy || bare !== key ? bare.split('/')[0]! : bare)
}

const homeOf = ({ environment }: AuthHost): string => environment.home ?? environment.variables.HOME ?? '/'

/** The file that a login is written to. `--authfile`, else `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG`, the runtime directory. */
export function ownAuthFile(host: AuthHost, authfile?: string): string {
  const { variables } = host.environment
  const uid = callerUid(host.environment)
  const asked = authfile || variables.REGISTRY_AUTH_FILE
  if (asked) return asked
  if (variables.DOCKER_CONFIG) return `${variables.DOCKER_CONFIG}/config.json`
  if (variables.XDG_RUNTIME_DIR) return `${variables.XDG_RUNTIME_DIR}/containers/auth.json`
  const session = `/run/user/${uid}`
  const runtime = uid !== 0 && stat(host.kernel, session) !== undefined
  return runtime ? `${session}/containers/auth.json` : `/run/containers/${uid}/auth.json`
}

/** The files in which logins are looked for, in order; only one when the caller says which. */
export function authFiles(host: AuthHost, authfile?: string): AuthFile[] {
  const { variables } = host.environment
  const own = { path: ownAuthFile(host, authfile), legacy: false }
  if (authfile || variables.REGISTRY_AUTH_FILE || variables.DOCKER_CONFIG) return [own]
  const home = homeOf(host)
  return [
    own,
    { path: `${variables.XDG_CONFIG_HOME || `${home}/.config`}/containers/auth.json`, legacy: false },
    { path: `${home}/.docker/config.json`, legacy: false },
    { path: `${home}/.dockercfg`, legacy: true },
  ]
}

/** What a file says; undefined when it is not there. @errors UserError when it is no JSON object */
export function readAuthFile(
  { kernel }: Pick<AuthHost, 'kernel'>,
  { path, legacy }: AuthFile,
): AuthDocument | undefined {
  // Another user's file, which the caller may not read, holds nothing for the caller.
  const text = readTextIfThere(kernel, path, ['ENOENT', 'ENOTDIR', ...(legacy ? (['EACCES'] as const) : [])])
  if (text === undefined) return undefined
  return parseAuthFile(text, path, legacy)
}

export function parseAuthFile(text: string, path: string, legacy = false): AuthDocument {
  const refuse = (why: string): never => {
    // The text itself has passwords in it, and JSON.parse quotes it.
    throw new UserError(`read ${path}: ${why}; repair or remove it`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    refuse('it is no JSON')
  }
  if (!isObject(value)) return refuse('it is no JSON object')
  const document: AuthDocument = legacy ? { auths: value as AuthDocument['auths'] } : value
  for (const key of ['auths', 'credHelpers'] as const)
    if (document[key] !== undefined && !isObject(document[key])) refuse(`its ${key} is no object`)
  for (const [key, entry] of Object.entries(document.auths ?? {}))
    if (!isObject(entry) || !isTextOrAbsent(entry.auth) || !isTextOrAbsent(entry.identitytoken))
      refuse(`its entry for ${key} is malformed`)
  const helpers = [...Object.values(document.credHelpers ?? {}), document.credsStore]
  if (!helpers.every(isTextOrAbsent)) refuse('a credential helper has no name')
  return document
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isTextOrAbsent = (value: unknown): boolean => value === undefined || typeof value === 'string'

/** The helper that a file names for one registry. */
export function helperFor({ credHelpers = {} }: AuthDocument, registry: string): string | undefined {
  const wanted = normalRegistry(registry)
  return Object.entries(credHelpers).find(([key]) => normalKey(key) === wanted)?.[1]
}

/**
 * The login for a name in a file itself, the longest key first: `quay.io/ns/repo`, `quay.io/ns`, `quay.io`.
 *
 * @param name - a registry, or a namespace or repository of one
 * @param what - keys with a path, or registries
 */
export function loginFor(
  document: AuthDocument,
  name: string,
  what: 'namespaces' | 'registry',
  legacy = false,
): Credentials | undefined {
  const entries = document.auths ?? {}
  const parts = name.split('/')
  const registry = normalRegistry(parts[0]!)
  if (what === 'namespaces') {
    for (let length = legacy ? 0 : parts.length; length > 1; length--) {
      const key = [registry, ...parts.slice(1, length)].join('/')
      const login = Object.hasOwn(entries, key) ? credentialsOf(entries[key]!) : undefined
      if (login !== undefined) return login
    }
    return undefined
  }
  const exact = Object.hasOwn(entries, registry) ? credentialsOf(entries[registry]!) : undefined
  if (exact !== undefined) return exact
  for (const [key, entry] of Object.entries(entries)) {
    const login = normalKey(key, legacy) === registry ? credentialsOf(entry) : undefined
    if (login !== undefined) return login
  }
  return undefined
}

/** Entries without credentials are there where a credential helper has them: `{}`. */
function credentialsOf({ auth = '', identitytoken = '' }: AuthEntry): Credentials | undefined {
  const decoded = fromBase64(auth)
  const colon = decoded?.indexOf(':') ?? -1
  const username = colon < 0 ? '' : decoded!.slice(0, colon)
  if (identitytoken !== '') return { identityToken: identitytoken, ...(username !== '' && { username }) }
  // Docker filled passwords up with zeros for a time.
  const password = colon < 0 ? '' : decoded!.slice(colon + 1).replace(/^\0+|\0+$/g, '')
  return username === '' && password === '' ? undefined : { username, password }
}

/** The document with a login under a key. */
export function withLogin(document: AuthDocument, key: string, username: string, password: string): AuthDocument {
  return { ...document, auths: { ...document.auths, [key]: { auth: toBase64(`${username}:${password}`) } } }
}

/** The document without the login under a key, however it is spelled; undefined when it has none. */
export function withoutLogin(document: AuthDocument, key: string): AuthDocument | undefined {
  const wanted = normalKey(key)
  const entries = Object.entries(document.auths ?? {})
  const kept = entries.filter(([other]) => normalKey(other) !== wanted)
  return kept.length === entries.length ? undefined : { ...document, auths: Object.fromEntries(kept) }
}

/**
 * Changes the file that is the caller's to write, one command at a time; only the owner may read it.
 *
 * @param change - answers undefined when all stays as it is
 * @errors UserError when the file cannot be understood
 */
export async function changeAuthFile(
  { kernel }: AuthHost,
  path: string,
  change: (document: AuthDocument) => Promise<AuthDocument | undefined>,
): Promise<void> {
  const directory = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) || '/' : '.'
  makeDirectories(kernel, directory, 0o700)
  const lock = await lockDirectory(kernel, directory)
  try {
    const changed = await change(readAuthFile({ kernel }, { path, legacy: false }) ?? {})
    if (changed !== undefined) writeAtomically(kernel, path, `${JSON.stringify(changed, undefined, '\t')}\n`, 0o600)
  } finally {
    lock?.release()
  }
}
