// `login` and `logout`.

import { readFileSync } from 'node:fs'
import type { Host } from '../../core/engine/host.ts'
import {
  checkLogin,
  knownLogin,
  type LoginAccess,
  type LoginPlace,
  login as logIn,
  loginPlace,
  logout as logOut,
  logoutAll,
} from '../../core/engine/login.ts'
import { UserError } from '../../core/errors.ts'
import { RegistryError } from '../../core/image/registry/failure.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { type ParsedFlags, parseFlags } from '../flags/parse.ts'
import { printLine } from '../output.ts'
import { askLine, askSecret, mayAsk } from '../prompt.ts'

function oneRegistry(verb: string, { words }: ParsedFlags): string | undefined {
  if (words.length > 1) throw new UserError(`${verb} takes one registry, not "${words[1]}" too`)
  return words[0]
}

export const login: Verb = async (argv, { host }) => {
  const flags = parseFlags(commands.login, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('login')
  const place = await loginPlace(host, oneRegistry('login', flags))
  const authfile = flags.text('authfile')
  if (flags.on('get-login')) {
    const known = await knownLogin(host, place, authfile)
    if (known === undefined) throw new UserError(`not logged into ${place.key}`)
    printLine(known.username ?? '')
    return 0
  }
  const access: LoginAccess = {
    authfile,
    certDir: flags.text('cert-dir'),
    ...(flags.has('tls-verify') ? { tlsVerify: flags.on('tls-verify') } : {}),
  }
  const username = flags.text('username')
  const password = givenPassword(flags)
  let before: string | undefined
  if (username === undefined && password === undefined) {
    const known = await knownLogin(host, place, authfile)
    if (known !== undefined && (await isStillGood(host, place, known, access))) return 0
    before = known?.username
  }
  const credentials = await askFor(host, { username, password, before })
  const where = await logIn(host, place, credentials, access)
  if (flags.on('verbose')) printLine(`Used:  ${where}`)
  printLine('Login Succeeded!')
  return 0
}

function givenPassword(flags: ParsedFlags): string | undefined {
  if (!flags.on('password-stdin')) return flags.text('password')
  if (flags.has('password')) throw new UserError('--password and --password-stdin: give one of them')
  if (!flags.has('username')) throw new UserError('--password-stdin needs --username')
  return readFileSync(0, 'utf8').replace(/\r?\n$/, '')
}

async function isStillGood(
  host: Host,
  place: LoginPlace,
  known: Parameters<typeof checkLogin>[2],
  access: LoginAccess,
): Promise<boolean> {
  printLine(`Authenticating with existing credentials for ${place.key}`)
  try {
    await checkLogin(host, place, known, access)
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error
    printLine('Existing credentials are invalid, please enter valid username and password')
    return false
  }
  printLine(`Existing credentials are valid. Already logged in to ${place.key}`)
  return true
}

/** @param before - who was logged in, and is meant by an empty line */
async function askFor(
  { kernel }: Host,
  given: { readonly username?: string; readonly password?: string; readonly before?: string },
): Promise<{ readonly username: string; readonly password: string }> {
  if ((given.username === undefined || given.password === undefined) && !mayAsk())
    throw new UserError(
      'login needs a name and a password, and there is no terminal to ask: give --username and --password-stdin',
    )
  const hint = given.before === undefined ? '' : ` (${given.before})`
  const username = given.username ?? ((await askLine(kernel, `Username${hint}: `)) || given.before)
  if (!username) throw new UserError('login needs a name')
  return { username, password: given.password ?? (await askSecret(kernel, 'Password: ')) }
}

export const logout: Verb = async (argv, { host }) => {
  const flags = parseFlags(commands.logout, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('logout')
  const registry = oneRegistry('logout', flags)
  const authfile = flags.text('authfile')
  if (flags.on('all')) {
    if (registry !== undefined) throw new UserError(`logout --all is for all registries: leave ${registry} out`)
    await logoutAll(host, authfile)
    printLine('Removed login credentials for all registries')
    return 0
  }
  const place = await loginPlace(host, registry)
  await logOut(host, place, authfile)
  printLine(`Removed login credentials for ${place.key}`)
  return 0
}
