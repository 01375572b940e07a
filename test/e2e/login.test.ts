// login and logout as users type them, to a real registry on loopback.

import { execFileSync } from 'node:child_process'
import { closeSync, constants, copyFileSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { cli } from '../support/cli.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'
import { inTerminal } from '../support/pty.ts'
import { needsRegistry, type Registry, type RegistryOptions, withRegistry } from '../support/registry.ts'
import { until } from '../support/session.ts'

const { describe, it } = skipUnless({ ...needsRegistry, natives: true })

interface Ground {
  readonly registry: Registry
  readonly directory: string
  readonly authfile: string
  /** `vitrine ARGV` in a home of its own. */
  readonly vitrine: (argv: readonly string[], stdin?: string) => ReturnType<typeof cli>
}

async function withGround(options: RegistryOptions, use: (ground: Ground) => Promise<void>): Promise<void> {
  await withTemporaryDirectory(async (directory) => {
    const configuration = join(directory, '.config/containers')
    mkdirSync(configuration, { recursive: true })
    mkdirSync(join(directory, 'run'))
    writeFileSync(join(configuration, 'registries.conf'), '')
    const env = { HOME: directory, XDG_RUNTIME_DIR: join(directory, 'run'), REGISTRY_AUTH_FILE: '', DOCKER_CONFIG: '' }
    const authfile = join(directory, 'run/containers/auth.json')
    await withRegistry(options, async (registry) => {
      await use({ registry, directory, authfile, vitrine: (argv, stdin) => cli(argv, { directory, env, stdin }) })
    })
  })
}

const insecure = '--tls-verify=false'

describe('vitrine login', () => {
  it('writes a login down that the registry accepts, uses it from then on, and logout forgets it', async () => {
    await withGround({ auth: 'basic' }, async ({ registry: { address, user, password }, authfile, vitrine }) => {
      const done = await vitrine(['login', insecure, '-u', user!, '--password-stdin', '-v', address], `${password}\n`)
      expect(done).toEqual({ code: 0, stdout: `Used:  ${authfile}\nLogin Succeeded!\n`, stderr: '' })
      expect((await vitrine(['login', '--get-login', address])).stdout).toBe(`${user}\n`)
      expect((await vitrine(['login', insecure, address])).stdout).toBe(
        `Authenticating with existing credentials for ${address}\n` +
          `Existing credentials are valid. Already logged in to ${address}\n`,
      )
      expect((await vitrine(['logout', address])).stdout).toBe(`Removed login credentials for ${address}\n`)
      expect(await vitrine(['logout', address])).toMatchObject({
        ...{ code: 125, stdout: '', stderr: `vitrine: not logged into ${address}\n` },
      })
      expect(JSON.parse(readFileSync(authfile, 'utf8'))).toEqual({ auths: {} })
    })
  })

  it('writes nothing that the registry refuses', async () => {
    await withGround({ auth: 'basic' }, async ({ registry: { address, user }, authfile, vitrine }) => {
      const wrong = await vitrine(['login', insecure, '-u', user!, '-p', 'wrong', address])
      expect(wrong).toMatchObject({ code: 125, stdout: '' })
      expect(wrong.stderr).toBe(`vitrine: log in to ${address}: the name or the password is wrong\n`)
      const plain = await vitrine(['login', '-u', user!, '-p', 'wrong', address])
      expect(plain.stderr).toContain('does not speak TLS')
      expect(() => readFileSync(authfile)).toThrow('ENOENT')
    })
  })

  it('goes to a token server when the registry says so', async () => {
    await withGround({ auth: 'token' }, async ({ registry: { address, user, password }, vitrine }) => {
      const log = (word: string) => vitrine(['login', insecure, '-u', user!, '-p', word, `${address}/ns`])
      expect((await log('wrong')).stderr).toContain('the name or the password is wrong')
      expect((await log(password!)).stdout).toBe('Login Succeeded!\n')
      expect((await vitrine(['logout', '--all'])).stdout).toBe('Removed login credentials for all registries\n')
    })
  })

  it('believes a certificate of --cert-dir, or of certs.d', async () => {
    await withGround({ auth: 'basic', tls: true }, async ({ registry, directory, vitrine }) => {
      const { address, user, password, ca } = registry
      const log = (...more: string[]) => vitrine(['login', '-u', user!, '-p', password!, ...more, address])
      expect((await log()).code).toBe(125)
      const certificates = join(directory, '.config/containers/certs.d', address)
      mkdirSync(certificates, { recursive: true })
      copyFileSync(ca!, join(certificates, 'ca.crt'))
      expect((await log()).stdout).toBe('Login Succeeded!\n')
      mkdirSync(join(directory, 'empty'))
      expect((await log('--cert-dir', join(directory, 'empty'))).code).toBe(125)
      expect((await log('--cert-dir', certificates)).stdout).toBe('Login Succeeded!\n')
    })
  })

  it('asks for what is missing on a terminal, without showing the password', async () => {
    await withGround({ auth: 'basic' }, async ({ registry: { address, user, password }, directory }) => {
      const terminal = inTerminal(directory, ['login', insecure, '--authfile', join(directory, 'auth.json'), address])
      await terminal.shows(/Username: $/)
      terminal.type(`${user}\n`)
      await terminal.shows(/Password: $/)
      terminal.type(`${password}\n`)
      expect(await terminal.exitCode).toBe(0)
      expect(terminal.shown()).toBe(`Username: ${user}\r\nPassword: \r\nLogin Succeeded!\r\n`)
    })
  })

  it('ends at Ctrl-C, and the terminal shows again what is typed', async () => {
    await withGround({ auth: 'basic' }, async ({ registry: { address, user }, directory }) => {
      const terminal = inTerminal(directory, ['login', insecure, '-u', user!, address])
      await terminal.shows(/Password: $/)
      const echoes = () => / echo /.test(execFileSync('stty', ['-F', terminal.path, '-a'], { encoding: 'utf8' }))
      expect(echoes()).toBe(false)
      const held = openSync(terminal.path, constants.O_RDONLY | constants.O_NOCTTY)
      try {
        terminal.type('\x03')
        await until('the terminal echoes', echoes)
      } finally {
        closeSync(held)
      }
      expect(await terminal.exitCode).toBe(130)
    })
  })

  it('says what is missing where there is no terminal', async () => {
    await withGround({ auth: 'basic' }, async ({ registry: { address }, vitrine }) => {
      const why = async (...argv: string[]) => (await vitrine(argv)).stderr.replace(/^vitrine: |\n$/g, '')
      expect(await why('login')).toContain('no registry is named')
      expect(await why('login', insecure, address)).toContain('there is no terminal to ask: give --username and')
      expect(await why('login', '--password-stdin', address)).toBe('--password-stdin needs --username')
      expect(await why('login', '-p', 'a', '--password-stdin', '-u', 'me', address)).toContain('give one of them')
      expect(await why('login', '--get-login', address)).toBe(`not logged into ${address}`)
      expect(await why('login', address, 'more')).toBe('login takes one registry, not "more" too')
      expect(await why('logout', '-a', address)).toBe(`logout --all is for all registries: leave ${address} out`)
      expect(await why('login', '--secret', 'x')).toContain("is podman's, and vitrine does not have it yet")
    })
  })
})
