// That the registries which other tests speak to are what they are taken for.

import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { expect } from 'vitest'
import { skipUnless } from '../support/needs.ts'
import { needsRegistry, withRegistry } from '../support/registry.ts'

const { describe, it } = skipUnless(needsRegistry)

const basic = (user = '', password = '') => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})

describe('a registry of a test', () => {
  it('answers on its port, to anyone', async () => {
    await withRegistry({}, async ({ url, address }) => {
      expect(url).toBe(`http://${address}`)
      expect((await fetch(`${url}/v2/`)).status).toBe(200)
      expect((await fetch(`${url}/v2/app/manifests/1`)).status).toBe(404)
    })
  })

  it('asks for a password', async () => {
    await withRegistry({ auth: 'basic' }, async ({ url, user, password }) => {
      const refused = await fetch(`${url}/v2/`)
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="test"'])
      expect((await fetch(`${url}/v2/`, { headers: basic(user, 'wrong') })).status).toBe(401)
      expect((await fetch(`${url}/v2/`, { headers: basic(user, password) })).status).toBe(200)
    })
  })

  it('sends to a token server, which lets nobody push who is unknown', async () => {
    await withRegistry({ auth: 'token', anonymousPull: true }, async ({ url, user, password, tokens }) => {
      const challenge = (await fetch(`${url}/v2/`)).headers.get('www-authenticate')
      expect(challenge).toMatch(/^Bearer realm="http:\/\/127\.0\.0\.1:\d+\/token",service="registry of a test"$/)
      const ask = async (scope: string, headers = {}) => {
        const { realm, service } = tokens!.configuration
        const answer = await fetch(`${realm}?service=${encodeURIComponent(service!)}&scope=${scope}`, { headers })
        if (!answer.ok) return String(answer.status)
        return ((await answer.json()) as { token: string }).token
      }
      const upload = async (token: string) =>
        (await fetch(`${url}/v2/app/blobs/uploads/`, { method: 'POST', headers: { authorization: `Bearer ${token}` } }))
          .status
      expect(await upload(await ask('repository:app:pull,push', basic(user, password)))).toBe(202)
      expect(await upload(await ask('repository:app:pull,push'))).toBe(401)
      expect(await ask('repository:app:pull', basic(user, 'wrong'))).toBe('401')
      const headers = { authorization: `Bearer ${await ask('repository:app:pull')}` }
      expect((await fetch(`${url}/v2/app/manifests/1`, { headers })).status).toBe(404)
    })
  })

  it('speaks TLS with a certificate of its own authority', async () => {
    await withRegistry({ tls: true }, async ({ url, ca }) => {
      await expect(fetch(`${url}/v2/`)).rejects.toThrow()
      const status = await new Promise((resolve, reject) => {
        const sent = request(`${url}/v2/`, { ca: readFileSync(ca!) }, (answer) => {
          answer.resume()
          resolve(answer.statusCode)
        })
        sent.on('error', reject).end()
      })
      expect(status).toBe(200)
    })
  })
})
