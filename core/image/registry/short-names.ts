// What a name without a registry stands for: aliases, images that are here, registries to search. containers-registries.conf(5).

import { callerUid, type Host } from '../../engine/host.ts'
import { UserError } from '../../errors.ts'
import { makeDirectories, readTextIfThere, writeAtomically } from '../../files.ts'
import { lockDirectory } from '../../store/lock.ts'
import { fromDockerTransport, type ImageName, parseName, printName, type WholeName, wholeName } from '../reference.ts'
import { parseRegistriesConf, type RegistriesConf, readRegistriesConf } from './registries-conf.ts'

type NameHost = Pick<Host, 'kernel' | 'environment' | 'warn'>

export interface ResolveOptions {
  /** The whole name of the image here that a short name means, when there is one. */
  readonly here?: (text: string) => string | undefined
  /** Has the user choose one of several whole names; absent where nobody can be asked. */
  readonly choose?: (names: readonly string[]) => Promise<string>
  /** The configuration, when it is at hand. */
  readonly conf?: RegistriesConf
}

export interface Resolution {
  /** Best first: the first that a registry has is meant. Each has a tag or a digest. */
  readonly names: readonly WholeName[]
  /** How a short name was understood, as a sentence for the user. */
  readonly why?: string
  /** An image of this name is here. */
  readonly here?: true
  /** The user has chosen: what writes that down, once the image is there, so that nobody is asked again. */
  readonly remember?: () => Promise<void>
}

/**
 * The images of registries that a text may mean: `NAME`, or `docker://NAME`, which is never short.
 *
 * @errors UserError when a short name means nothing, or several things and nobody can be asked
 */
export async function resolveName(host: NameHost, text: string, options: ResolveOptions = {}): Promise<Resolution> {
  const whole = fromDockerTransport(text)
  if (whole !== undefined) return { names: [whole] }
  const name = parseName(text)
  if (name.registry !== undefined) return { names: [wholeName(name, name.registry)] }
  const conf = options.conf ?? (await readRegistriesConf(host))
  const alias = await aliasOf(host, conf, name.repository)
  if (alias !== undefined) {
    const target = withVersion(parseName(alias.target), name)
    return { names: [target], why: `resolved ${JSON.stringify(text)} as an alias (${alias.path})` }
  }
  const local = options.here?.(text)
  if (local !== undefined) {
    const named = parseName(local)
    return {
      names: [withVersion(named, name)],
      why: `resolved ${JSON.stringify(text)} as ${local}, which is here`,
      here: true,
    }
  }
  return await searched(host, conf, text, name, options.choose)
}

/** As `resolveName`, the names alone. */
export async function namesFor(host: NameHost, text: string, options?: ResolveOptions): Promise<readonly WholeName[]> {
  return (await resolveName(host, text, options)).names
}

/**
 * Names under which an image that a short name means may be here, best first: an alias, `localhost`, the registries to
 * search. The configuration is read; a name with a registry stands for itself.
 */
export async function localNames(host: NameHost, text: string): Promise<readonly WholeName[]> {
  const name = parseName(text)
  if (name.registry !== undefined) return [wholeName(name, name.registry)]
  const conf = await readRegistriesConf(host)
  const alias = await aliasOf(host, conf, name.repository)
  const searchable = ['localhost', ...conf.search].map((registry) => wholeName(name, registry))
  return alias === undefined ? searchable : [withVersion(parseName(alias.target), name), ...searchable]
}

/** A repository's name with the tag and digest of another. */
function withVersion({ registry, repository }: ImageName, { tag, digest }: ImageName): WholeName {
  return wholeName({ registry, repository, tag, digest }, 'docker.io')
}

async function searched(
  host: NameHost,
  conf: RegistriesConf,
  text: string,
  name: ImageName,
  choose: ResolveOptions['choose'],
): Promise<Resolution> {
  const names = conf.search.map((registry) => wholeName(name, registry))
  const quoted = JSON.stringify(text)
  if (names.length === 0) {
    const hub = printName({ ...wholeName(name, 'docker.io'), tag: name.tag })
    throw new UserError(
      `short name ${quoted}: no alias and no unqualified-search-registries in ${conf.searchPath ?? conf.path}: write ${hub}, or whichever registry has it`,
    )
  }
  const why = `resolving ${quoted} by unqualified-search-registries (${conf.searchPath})`
  if (names.length === 1 || conf.shortNameMode === 'disabled') return { names, why }
  const printed = names.map(printName)
  if (choose !== undefined) {
    const chosen = await choose(printed)
    const whole = wholeName(parseName(chosen), 'docker.io')
    return {
      names: [whole],
      remember: () => rememberAlias(host, name.repository, `${whole.registry}/${whole.repository}`),
    }
  }
  if (conf.shortNameMode === 'permissive') return { names, why }
  throw new UserError(
    `short name ${quoted}: may be ${printed.join(' or ')}, and there is no terminal to ask (short-name-mode is enforcing): write which one`,
  )
}

/** Where answers to questions are kept: `/var/cache/containers`, or the user's cache. */
function aliasesPath({ environment }: NameHost): string {
  const { variables } = environment
  const home = environment.home ?? variables.HOME ?? '/'
  const cache = callerUid(environment) === 0 ? '/var/cache' : variables.XDG_CACHE_HOME || `${home}/.cache`
  return `${cache}/containers/short-name-aliases.conf`
}

async function answersIn(host: NameHost, path: string): Promise<RegistriesConf['aliases']> {
  const text = readTextIfThere(host.kernel, path, ['ENOENT', 'ENOTDIR', 'EACCES'])
  return (text === undefined ? undefined : (await parseRegistriesConf(text, path, host.warn)).aliases) ?? new Map()
}

/** What was answered wins over what is configured; an empty target takes an alias back. */
async function aliasOf(host: NameHost, conf: RegistriesConf, repository: string) {
  const found = (await answersIn(host, aliasesPath(host))).get(repository) ?? conf.aliases.get(repository)
  return found?.target === '' ? undefined : found
}

async function rememberAlias(host: NameHost, alias: string, target: string): Promise<void> {
  const path = aliasesPath(host)
  const directory = path.slice(0, path.lastIndexOf('/'))
  makeDirectories(host.kernel, directory, 0o700)
  const lock = await lockDirectory(host.kernel, directory)
  try {
    const aliases = [...(await answersIn(host, path))].map(([name, value]) => [name, value.target] as const)
    const lines = [...new Map([...aliases, [alias, target]])].map(([name, value]) => `  "${name}" = "${value}"\n`)
    writeAtomically(host.kernel, path, `[aliases]\n${lines.join('')}`, 0o600)
  } finally {
    lock?.release()
  }
}
