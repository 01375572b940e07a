// The way of an image that somebody else made: a real web server, pushed to a registry, pulled by its digest into an empty
// store, run with a published port.

import { join } from 'node:path'
import { expect } from 'vitest'
import { buildHttpdImage } from '../fixtures/build.ts'
import { skipUnless } from '../support/needs.ts'
import { withRegistry } from '../support/registry.ts'
import {
  insecure,
  needsContainersAndRegistry,
  openRegistrySession,
  storeProblems,
} from '../support/registry-session.ts'
import { readArchive } from '../support/remote-images.ts'
import { until } from '../support/session.ts'

const { describe, it } = skipUnless({ ...needsContainersAndRegistry, links: ['veth', 'bridge'], nftables: true })

describe('a web server from a registry', () => {
  const { directory, ok, configure, elsewhere } = openRegistrySession()

  it('answers on its published port, and has what its layers have, without what they removed', async () => {
    const { source, path } = buildHttpdImage()
    await withRegistry({ directory: join(directory, 'registry') }, async ({ address }) => {
      configure(insecure(address))
      await ok(['import', source])
      await ok(['push', '-q', 'localhost/httpd', `${address}/web/httpd:2.4`])
      const store = elsewhere()
      const name = `${address}/web/httpd@${readArchive(path).digest}`
      await ok(['run', '-d', '--name=web', '--memory=128m', '-p', '127.0.0.1::80', name], store)
      try {
        const port = Number(
          (await ok(['inspect', '--format', '{{json .NetworkSettings.Ports}}', 'web'], store)).match(/\d{4,5}/)![0],
        )
        const url = (page: string) => `http://127.0.0.1:${port}/${page}`
        await until('the server answers', () =>
          fetch(url('')).then(
            ({ ok }) => ok,
            () => false,
          ),
        )
        expect(await (await fetch(url(''))).text()).toContain('It works, within its limits')
        const statuses = ['site.css', 'old.html', 'icons/only.svg', 'icons/first.svg'].map(
          async (page) => (await fetch(url(page))).status,
        )
        expect(await Promise.all(statuses)).toEqual([200, 404, 200, 404])
        expect(storeProblems(store.directory)).toEqual([])
      } finally {
        await ok(['rm', '-f', '-t', '0', 'web'], store)
      }
    })
  })
})
