// Images of standard components on a simulated machine: their sockets are of their container's network.

import { join } from 'node:path'
import { expect } from 'vitest'
import { cli } from '../support/cli.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'
import { adapter, socketsComponent } from '../support/standard.ts'
import { wasmLayout } from '../support/wasm-images.ts'

const { describe, it } = skipUnless({ anyKernel: true })
const adapterBytes = adapter()
const why = adapterBytes ? '' : ': skipped, the adapter of WASI cannot be fetched'

describe.skipIf(!adapterBytes)(`an image of a component of WASI${why}`, () => {
  it('serves a port that is published, because its sockets are as those of any program', () =>
    withTemporaryDirectory(async (directory) => {
      const layout = join(directory, 'layout')
      wasmLayout(layout, { name: 'sockets', wasm: await socketsComponent(adapterBytes!) })
      const out = async (...words: string[]) => (await cli(['--root', directory, '--sim', ...words])).stdout
      const run = (...words: string[]) => out('run', ...words)
      await run('-d', '--name', 'echo', '-p', '8081:8080', `oci:${layout}`, 'serve', '8080', 'any', '2')
      expect(await out('logs', 'echo')).toBe('listening\n')
      const here = 'echo published | nc -N 127.0.0.1 8081'
      expect(await out('machine', 'ssh', 'default', here)).toBe('published\n')
      const address = (await out('inspect', '--format', '{{.NetworkSettings.IPAddress}}', 'echo')).trim()
      const there = `echo beside | nc -N ${address} 8080`
      expect(await run('--rm', 'busybox', 'sh', '-c', there)).toBe('beside\n')
      expect(await out('ps', '-a', '--format', '{{.State}} {{.ExitCode}}')).toBe('exited 0\n')
      expect(await run('--rm', '--network=none', `oci:${layout}`, 'ask', '8080')).toBe(
        'finish-connect: connection-refused\n',
      )
      expect(await run('--rm', '--add-host', 'db:10.9.8.7', `oci:${layout}`, 'resolve', 'db')).toBe('db: 10.9.8.7\n')
    }))
})
