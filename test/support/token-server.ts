// The server that a registry with token authentication sends its clients to: basic credentials in, signed tokens out.
// https://distribution.github.io/distribution/spec/auth/jwt/

import { createPrivateKey, type KeyObject, randomUUID, sign, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { URL } from 'node:url'
import { makeCertificate } from './certificate.ts'

export interface TokenServer {
  /** `auth.token` of the registry's configuration. */
  readonly configuration: Readonly<Record<string, string>>
  readonly requests: readonly TokenRequest[]
  /** How long the registry takes tokens that are given from now on. */
  validSeconds: number
  readonly stop: () => Promise<void>
}

export interface TokenRequest {
  readonly user: string | undefined
  readonly scopes: readonly string[]
  readonly status: number
}

export interface TokenServerOptions {
  readonly directory: string
  readonly user: string
  readonly password: string
  readonly anonymousPull: boolean
}

const issuer = 'token server of a test'
const service = 'registry of a test'

/** So much longer the registry takes a token. */
const leewaySeconds = 60

interface Access {
  readonly type: string
  readonly name: string
  readonly actions: readonly string[]
}

/** Serves on a free loopback port; its key and certificate go to the directory. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const { path, keyPath } = makeCertificate(options.directory, 'token')
  const key = createPrivateKey(readFileSync(keyPath))
  const certificate = new X509Certificate(readFileSync(path)).raw.toString('base64')
  const requests: TokenRequest[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const scopes = url.searchParams.getAll('scope').flatMap((scope) => scope.split(' '))
    const given = credentials(request)
    const known = given?.user === options.user && given.password === options.password
    const answer = (status: number, body: object) => {
      requests.push({ user: given?.user, scopes, status })
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    // Clients try the OAuth2 form first, or never; many servers have only this one.
    if (request.method !== 'GET') return answer(405, { details: 'only GET' })
    if (url.pathname !== '/token' || url.searchParams.get('service') !== service)
      return answer(400, { details: `no such service` })
    if (given !== undefined && !known) return answer(401, { details: 'incorrect username or password' })
    const allowed = known ? undefined : options.anonymousPull ? ['pull'] : []
    const access = scopes.map((scope) => granted(scope, allowed)).filter(({ actions }) => actions.length > 0)
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: issuer,
      sub: given?.user ?? '',
      aud: service,
      iat: now,
      nbf: now - 10,
      jti: randomUUID(),
      access,
    }
    const token = signed({ ...claims, exp: now + handle.validSeconds - leewaySeconds }, key, certificate)
    answer(200, { token, expires_in: handle.validSeconds, issued_at: new Date(now * 1000).toISOString() })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const handle: TokenServer = {
    configuration: { realm: `http://127.0.0.1:${port}/token`, service, issuer, rootcertbundle: path },
    requests,
    validSeconds: 300,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return handle
}

function credentials({ headers }: IncomingMessage): { user: string; password: string } | undefined {
  const encoded = /^Basic (\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (encoded === undefined) return undefined
  const [user = '', ...password] = Buffer.from(encoded, 'base64').toString('utf8').split(':')
  return { user, password: password.join(':') }
}

// `repository:NAME:pull,push`; a name may have a colon of its own, after a host.
function granted(scope: string, allowed: readonly string[] | undefined): Access {
  const [type = '', ...rest] = scope.split(':')
  const actions = (rest.pop() ?? '').split(',').filter((action) => allowed === undefined || allowed.includes(action))
  return { type, name: rest.join(':'), actions }
}

// A JSON web token with ES256 (RFC 7515, 7518), with its certificate as `x5c`, which the registry compares with its bundle.
function signed(claims: object, key: KeyObject, certificate: string): string {
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${encoded({ typ: 'JWT', alg: 'ES256', x5c: [certificate] })}.${encoded(claims)}`
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}
