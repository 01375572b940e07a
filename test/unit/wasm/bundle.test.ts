// The component that machines and browsers get: what it weighs, and that anybody who builds it gets the same bytes.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { componentOf, guestSources, moduleOf } from '../../../scripts/guests/component.ts'

const root = join(import.meta.dirname, '../../..')
const built = readFileSync(join(root, 'prebuilds/guests/box/component.wasm'))
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

describe('the component of shell and tools', () => {
  it('has less than 150 kB compressed', () => {
    expect(brotliCompressSync(built).length).toBeLessThan(150_000)
  })

  it('is the same, byte for byte, when it is built again', { timeout: 120_000 }, async () => {
    const again = await componentOf(await moduleOf(guestSources(root, ['tools', 'shell'])))
    expect(digest(again)).toBe(digest(built))
  })
})
