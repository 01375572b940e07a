// registries.conf is understood as skopeo understands it: where it looks for an image, and what it refuses.

import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect } from 'vitest'
import { parseName, printName, wholeName } from '../../core/image/reference.ts'
import { placesOf } from '../../core/image/registry/endpoints.ts'
import { readRegistriesConf } from '../../core/image/registry/registries-conf.ts'
import { withHome } from '../support/home.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, natives: true, programs: ['skopeo'], userModeLinux: false })
const own = '.config/containers/registries.conf'
const digest = `sha256:${'a'.repeat(64)}`
const locations = ['127.0.0.1:1', '127.0.0.1:2/a', '127.0.0.1:2/a/b', '127.0.0.1:3']
const anyMirror = fc.record({
  location: fc.constantFrom(...locations),
  pull: fc.constantFrom('', 'all', 'digest-only', 'tag-only'),
})
const anyTable = fc.record({
  prefix: fc.constantFrom(...locations, '127.0.0.1:2/a/b/c'),
  location: fc.constantFrom(...locations),
  digestOnly: fc.boolean(),
  mirrors: fc.array(anyMirror, { maxLength: 2 }),
})
const tomlOf = (tables: readonly (typeof anyTable extends fc.Arbitrary<infer T> ? T : never)[]) =>
  tables
    .map(({ prefix, location, digestOnly, mirrors }) => {
      const mirror = (one: (typeof mirrors)[number]) =>
        `[[registry.mirror]]\nlocation = "${one.location}"\n${digestOnly || one.pull === '' ? '' : `pull-from-mirror = "${one.pull}"\n`}`
      const head = `[[registry]]\nprefix = "${prefix}"\nlocation = "${location}"\nmirror-by-digest-only = ${digestOnly}\n`
      return head + mirrors.map(mirror).join('')
    })
    .join('')

describe('the places of an image', () => {
  it("are skopeo's, in its order, whatever the configuration", async () => {
    await withHome(async ({ host, write, directory }) => {
      const path = join(directory, own)
      const skopeo = (image: string): string[] => {
        const { stderr } = spawnSync('skopeo', ['--registries-conf', path, '--debug', 'inspect', `docker://${image}`], {
          encoding: 'utf8',
          env: { ...host.environment.variables },
        })
        return [...stderr.matchAll(/Trying to access \\"(.*?)\\"/g)].map((match) => match[1]!)
      }
      const names = ['127.0.0.1:1/x:1', '127.0.0.1:2/a/b/c:1', `127.0.0.1:2/a/b@${digest}`, '127.0.0.1:3/a:1']
      await fc.assert(
        fc.asyncProperty(
          fc.array(anyTable, { minLength: 1, maxLength: 3 }),
          fc.constantFrom(...names),
          async (tables, image) => {
            write(own, tomlOf(tables))
            const conf = await readRegistriesConf(host)
            let places: string[] = []
            try {
              places = placesOf(conf, wholeName(parseName(image), '')).map((place) => printName(place.name))
            } catch (error) {
              // A registry without a repository is no place; skopeo tries none then.
              expect(String(error)).toContain('only registry and repository can be replaced')
            }
            expect(places).toEqual(skopeo(image))
          },
        ),
        { numRuns: 25, seed: Number(process.env.VITRINE_SEED ?? 1) },
      )
    })
  })
})

describe('a configuration', () => {
  it('that skopeo refuses is refused', async () => {
    await withHome(async ({ host, write, directory }) => {
      const broken = [
        '[[registry]]\nlocation = "http://a.example"',
        '[[registry]]\nprefix = "a.example"',
        '[[registry]]\nprefix = "*.a.example/b"',
        '[aliases]\na = "b"',
        'short-name-mode = "some"',
      ]
      for (const text of broken) {
        const path = write(own, text)
        const inspect = () =>
          execFileSync('skopeo', ['--registries-conf', path, 'inspect', 'docker://127.0.0.1:1/a'], { stdio: 'pipe' })
        expect(inspect, text).toThrow(/registries configuration/)
        await expect(readRegistriesConf(host, directory), text).rejects.toThrow(path)
      }
    })
  })
})
