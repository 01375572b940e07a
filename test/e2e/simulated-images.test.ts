// Programs of WASI as others make and distribute them, on the simulated machine: from a directory, and through a real registry.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { compileForWasi } from '../../scripts/guests/clang.ts'
import { tar } from '../fixtures/tar.ts'
import { cli } from '../support/cli.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'
import { needsRegistry, withRegistry } from '../support/registry.ts'
import { repository } from '../support/source.ts'
import { adapter, standardComponent } from '../support/standard.ts'
import { wasmArtifact, wasmLayout } from '../support/wasm-images.ts'

const { describe, it } = skipUnless({ ...needsRegistry, anyKernel: true })

const source = 'test/guests/standard.c'
const wasi = adapter()
const why = wasi ? '' : ' — skipped: the adapter of WASI cannot be fetched'

/** A module of WASI 0.1, and a component of WASI 0.2, of the same program. */
const programs: readonly (readonly [name: string, make: () => Promise<Uint8Array>])[] = [
  ['module', () => compileForWasi({ 'main.c': readFileSync(join(repository, source), 'utf8') })],
  ['component', () => standardComponent(source, wasi!)],
]

describe.skipIf(!wasi)(`images for wasi/wasm, with --sim${why}`, () => {
  it.each(programs)('a %s goes from a directory to a registry, and from there to another machine', (_, make) =>
    withTemporaryDirectory(async (directory) => {
      const root = join(directory, 'root')
      const on = async (machine: string, ...words: string[]) => {
        const ran = await cli(['--root', root, '--machine', machine, '--sim', ...words])
        expect(ran.code, `${words.join(' ')}: ${ran.stderr}`).toBe(0)
        return ran.stdout
      }
      const layout = join(directory, 'layout')
      wasmLayout(layout, { name: 'localhost/app', wasm: await make(), files: { 'etc/motd': 'welcome\n' } })
      await withRegistry({}, async ({ address }) => {
        const image = `${address}/app`
        await on('one', 'pull', '-q', `oci:${layout}`)
        expect(await on('one', 'run', '--rm', 'localhost/app', 'cat', '/etc/motd')).toBe('welcome\n')
        await on('one', 'push', '-q', '--tls-verify=false', 'localhost/app', image)
        expect(await on('other', 'pull', '-q', '--tls-verify=false', image)).toMatch(/^[0-9a-f]{64}\n$/)
        const limits = ['--memory=32m', '--cpus=0.5', '--pids-limit=1']
        expect(await on('other', 'run', '--name=ran', ...limits, image, 'cat', '/etc/motd')).toBe('welcome\n')
        const platform = '{{.Os}}/{{.Architecture}}'
        expect(await on('other', 'image', 'inspect', '--format', platform, image)).toBe('wasi/wasm\n')
      })
      // The registry is gone: what it has answered is in the log.
      rmSync(join(root, 'machines/other.states'), { recursive: true, force: true })
      expect(await on('other', 'logs', 'ran')).toBe('welcome\n')
    }),
  )

  it('programs that lie in a registry by themselves run, and what they may use ends at their limits', () =>
    withTemporaryDirectory(async (directory) => {
      const sim = (...words: string[]) => cli(['--root', join(directory, 'root'), '--sim', ...words])
      for (const old of [false, true]) {
        const layout = join(directory, `layout${old}`)
        wasmArtifact(layout, { name: `localhost/alone${old}`, wasm: await programs[1]![1]() }, old)
        expect((await sim('pull', '-q', `oci:${layout}`)).code).toBe(0)
        const ran = await sim('run', '--rm', `localhost/alone${old}`, 'work', '1000')
        expect(ran).toEqual({ code: 0, stdout: '499500\n', stderr: '' })
        expect(
          (await sim('run', '--name', `eater${old}`, '--memory=8m', `localhost/alone${old}`, 'eat', '64')).code,
        ).toBe(137)
        expect((await sim('inspect', '--format', '{{.State.OOMKilled}}', `eater${old}`)).stdout).toBe('true\n')
      }
    }))

  it('a program for a processor is refused with one sentence', () =>
    withTemporaryDirectory(async (directory) => {
      const archive = join(directory, 'root.tar')
      const content = new Uint8Array(readFileSync(process.execPath).subarray(0, 65_536))
      writeFileSync(archive, tar([{ path: 'app', content, mode: 0o755 }]))
      const sim = (...words: string[]) => cli(['--root', join(directory, 'root'), '--sim', ...words])
      expect((await sim('import', '-c', 'ENTRYPOINT ["/app"]', archive, 'localhost/elf')).code).toBe(0)
      const { code, stderr } = await sim('run', '--rm', 'localhost/elf')
      expect(code).toBe(126)
      expect(stderr).toMatch(/^vitrine: .*exec format error.*\n$/)
    }))
})
