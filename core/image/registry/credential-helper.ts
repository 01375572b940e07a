// Programs that keep logins: docker-credential-NAME, which is told a verb as an argument and the rest on standard input.

import { captureProgram } from '../../engine/capture.ts'
import type { Host } from '../../engine/host.ts'
import { findProgram } from '../../engine/program.ts'
import { UserError } from '../../errors.ts'
import type { Credentials } from './endpoint.ts'

type HelperHost = Pick<Host, 'kernel' | 'environment'>

/** What helpers of every make say on standard output when they know nothing of a server. */
const unknownServer = /credentials not found/i
/** This instead of a user's name says that the secret is an identity token. */
const tokenUser = '<token>'
const hub = { name: 'docker.io', url: 'https://index.docker.io/v1/' }

/** The helper is not on this machine. */
export class NoHelperError extends UserError {}

/** podman asks for Docker Hub by its name, Docker by an address. */
const serversOf = (registry: string): string[] => (registry === hub.name ? [hub.name, hub.url] : [registry])

/** Docker's name of a registry, for entries that Docker reads too. */
export const dockerServer = (registry: string): string => (registry === hub.name ? hub.url : registry)

/**
 * The login that a helper has for a registry.
 *
 * @param helper - what follows `docker-credential-` in the program's name
 * @errors NoHelperError when there is no such program, UserError when it fails
 */
export async function loginFromHelper(
  host: HelperHost,
  helper: string,
  registry: string,
): Promise<Credentials | undefined> {
  for (const server of serversOf(registry)) {
    const answer = await runHelper(host, helper, 'get', server)
    if (answer === undefined) continue
    const { Username, Secret } = parsed<{ Username?: unknown; Secret?: unknown }>(answer, helper)
    if (typeof Username !== 'string' || typeof Secret !== 'string')
      throw new UserError(`docker-credential-${helper} get: its answer has no Username or no Secret`)
    if (Username === tokenUser) return { identityToken: Secret }
    if (Username !== '' || Secret !== '') return { username: Username, password: Secret }
  }
  return undefined
}

/** Gives a login to a helper. @param server - under which name it is kept */
export async function storeInHelper(
  host: HelperHost,
  helper: string,
  server: string,
  username: string,
  password: string,
): Promise<void> {
  await runHelper(host, helper, 'store', JSON.stringify({ ServerURL: server, Username: username, Secret: password }))
}

/** Has a helper forget a registry. @returns whether it knew it */
export async function eraseFromHelper(host: HelperHost, helper: string, registry: string): Promise<boolean> {
  let known = false
  for (const server of serversOf(registry)) {
    // Some helpers erase what they do not have without a word.
    if ((await runHelper(host, helper, 'get', server)) === undefined) continue
    await runHelper(host, helper, 'erase', server)
    known = true
  }
  return known
}

/** The servers that a helper has logins for. */
export async function serversInHelper(host: HelperHost, helper: string): Promise<string[]> {
  const answer = (await runHelper(host, helper, 'list', '')) || '{}'
  return Object.keys(parsed<Record<string, unknown>>(answer, helper))
}

function parsed<T extends object>(answer: string, helper: string): T {
  try {
    const value: unknown = JSON.parse(answer)
    if (typeof value === 'object' && value !== null) return value as T
  } catch {
    // Said below: the answer may have a password in it.
  }
  throw new UserError(`docker-credential-${helper}: its answer is no JSON object`)
}

/** What a helper answers; undefined when it knows nothing of the server. */
async function runHelper(host: HelperHost, helper: string, verb: string, input: string): Promise<string | undefined> {
  const name = `docker-credential-${helper}`
  if (!/^[\w.-]+$/.test(helper))
    throw new UserError(`credential helper ${JSON.stringify(helper)}: this is no program's name`)
  const program = findProgram(host, name)
  if (program === undefined) throw new NoHelperError(`credential helper ${helper}: there is no program ${name} on PATH`)
  const { code, stdout, stderr } = await captureProgram(host, [program, verb], { input })
  const decoder = new TextDecoder()
  const answer = decoder.decode(stdout)
  if (code === 0) return answer
  if (unknownServer.test(answer)) return undefined
  // Helpers complain on standard output, too; what begins a login there is none.
  const said = /"?Secret"?/i.test(answer) ? '' : answer
  const why = `${decoder.decode(stderr)}\n${said}`.trim().split('\n')[0]
  throw new UserError(`${name} ${verb}: ${why || 'it failed'} (exit code ${code})`)
}
