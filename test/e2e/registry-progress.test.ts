// How far a pull has come, on a real terminal, in a pipe, and with --quiet.

import { expect } from 'vitest'
import { tar } from '../fixtures/tar.ts'
import { cli } from '../support/cli.ts'
import { drips } from '../support/faults-of-http.ts'
import { skipUnless } from '../support/needs.ts'
import { inTerminal } from '../support/pty.ts'
import { makeImage, putImage } from '../support/remote-images.ts'
import { Screen } from '../support/screen.ts'
import { needsTransfers, type Transfers, withTransfers } from '../support/transfer.ts'

const { describe, it } = skipUnless(needsTransfers)

/** Does not become smaller by compression. */
const noise = (seed: number, length: number) =>
  Buffer.from(Array.from({ length }, (_, at) => ((at + seed) * (at + seed) * 7919) >> 7))
const layerOf = (seed: number) => tar([{ path: `noise-${seed}`, content: noise(seed, 100_000) }])
const image = (layers: number) =>
  makeImage({ layers: Array.from({ length: layers }, (_, seed) => layerOf(seed)), compression: 'none' })
const configOf = (one: ReturnType<typeof image>): string =>
  JSON.parse(new TextDecoder().decode(one.bytes)).config.digest.slice('sha256:'.length)
const blobsOf = (one: ReturnType<typeof image>): string[] =>
  JSON.parse(new TextDecoder().decode(one.bytes)).layers.map(({ digest }: { digest: string }) => digest.slice(7, 19))

async function slowly({ registry, proxy }: Transfers, one: ReturnType<typeof image>): Promise<void> {
  await putImage(registry, 'slow/x', one, '1')
  proxy.plan({ on: /GET .*blobs/, times: 1000, fault: drips({ pieceBytes: 10_000, everyMs: 40 }) })
}

describe('a pull', () => {
  it('has a bar for each layer on a terminal, and leaves what is done and the id', async () => {
    await withTransfers(async (transfers) => {
      const { at, directory } = transfers
      const three = image(3)
      await slowly(transfers, three)
      const terminal = inTerminal(directory, ['pull', '--tls-verify=false', at('slow/x:1')], 24, 90)
      await terminal.shows(/\[=+> +\] \d+(\.\d+)?kB \/ 10\d(\.\d)?kB/)
      expect(await terminal.exitCode).toBe(0)
      const screen = new Screen(90)
      screen.write(terminal.shown())
      expect(screen.text.trimEnd().split('\n')).toEqual([
        `Trying to pull ${at('slow/x:1')}...`,
        ...blobsOf(three).map((hex) => `Copying blob ${hex} done`),
        'Writing manifest to image destination',
        configOf(three),
      ])
    })
  })

  it('stays within a terminal that is small, and becomes smaller', async () => {
    await withTransfers(async (transfers) => {
      const { at, directory } = transfers
      await slowly(transfers, image(9))
      const terminal = inTerminal(directory, ['pull', '--tls-verify=false', at('slow/x:1')], 5, 70)
      await terminal.shows(/6 more blobs; \d of 9 done[\s\S]*6 more blobs/)
      // Four lines of bars and the cursor's: never more lines up, or bars would be drawn into what was there before.
      const ups = [...terminal.shown().matchAll(/\x1b\[(\d+)A/g)].map(([, lines]) => Number(lines))
      expect(Math.max(...ups)).toBe(4)
      terminal.resize(4, 30)
      await terminal.shows(/7 more blobs; \d of 9 done/)
      expect(await terminal.exitCode).toBe(0)
      expect(terminal.shown()).toMatch(/9 of 9 done/)
    })
  })

  it('has plain lines in a pipe, on standard error, and the id alone on standard output', async () => {
    await withTransfers(async (transfers) => {
      const { registry, at, directory } = transfers
      const two = image(2)
      await putImage(registry, 'x', two, '1')
      const pulled = await cli(['pull', '--tls-verify=false', at('x:1')], { directory })
      expect(pulled).toMatchObject({ code: 0, stdout: `${configOf(two)}\n` })
      const lines = pulled.stderr.trimEnd().split('\n')
      expect([lines[0], lines.at(-1)]).toEqual([
        `Trying to pull ${at('x:1')}...`,
        'Writing manifest to image destination',
      ])
      expect(lines.slice(1, -1).sort()).toEqual(
        blobsOf(two)
          .flatMap((hex) => [`Copying blob ${hex}`, `Copying blob ${hex} done`])
          .sort(),
      )
      const again = await cli(['pull', '--quiet', '--tls-verify=false', at('x:1')], { directory })
      expect(again).toEqual({ code: 0, stdout: `${configOf(two)}\n`, stderr: '' })
    })
  })
})
