// Platforms: one spelling of each, and which image of an index is taken for which machine.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Descriptor } from '../../../core/image/manifest.ts'
import {
  chooseForPlatform,
  fits,
  normalPlatform,
  type Platform,
  platformText,
  wantedPlatform,
} from '../../../core/image/platform.ts'

const machine: Platform = { os: 'linux', architecture: 'amd64' }

function read(text: string): Platform {
  const [os, architecture, variant] = text.split('/') as [string, string, string?]
  return { os, architecture, ...(variant ? { variant } : {}) }
}

/** An index of these platforms; the digest of each is its text. */
const indexOf = (...platforms: string[]): Descriptor[] =>
  platforms.map((text) => ({ mediaType: 'm', digest: text, size: 1, platform: read(text) }))

const chosen = (wanted: string, offered: readonly Descriptor[], asked = true) =>
  chooseForPlatform({ ...normalPlatform(read(wanted)), asked }, offered, 'x').digest

describe('a platform', () => {
  it.each([
    ['linux/x86_64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['linux/i386', 'linux/386'],
    ['Linux/AMD64', 'linux/amd64'],
    ['wasi/wasm', 'wasi/wasm'],
    ['macos/arm64', 'darwin/arm64'],
  ])('%s is %s', (text, normal) => {
    expect(platformText(normalPlatform(read(text)))).toBe(normal)
  })

  it('stays the same when it is made normal again', () => {
    const part = fc.constantFrom('linux', 'amd64', 'arm', 'arm64', 'x86_64', 'v7', 'v8', '5', '', 'riscv64')
    fc.assert(
      fc.property(part, part, part, (os, architecture, variant) => {
        const once = normalPlatform({ os, architecture, variant })
        expect(normalPlatform(once)).toEqual(once)
      }),
    )
  })
})

describe('flags', () => {
  it.each([
    [{}, 'linux/amd64', false],
    [{ platform: 'linux/arm64' }, 'linux/arm64', true],
    [{ platform: 'linux/arm/v6' }, 'linux/arm/v6', true],
    [{ platform: 'arm64' }, 'linux/arm64', true],
    [{ platform: 'wasi/wasm' }, 'wasi/wasm', true],
    [{ platform: 'linux' }, 'linux/amd64', true],
    [{ arch: 'arm', variant: 'v5' }, 'linux/arm/v5', true],
    [{ os: 'wasi', arch: 'wasm' }, 'wasi/wasm', true],
  ] as const)('%j mean %s', (words, text, asked) => {
    const wanted = wantedPlatform(machine, words)
    expect([platformText(wanted), wanted.asked]).toEqual([text, asked])
  })

  it('are refused when they contradict each other or are malformed', () => {
    expect(() => wantedPlatform(machine, { platform: 'linux/amd64', arch: 'arm' })).toThrow('contradicts')
    for (const platform of ['', 'linux/', 'a/b/c/d', 'linux/amd 64'])
      expect(() => wantedPlatform(machine, { platform }), platform).toThrow('--platform=')
  })
})

describe('an index', () => {
  it('gives the image of the platform, wherever it stands', () => {
    const index = indexOf('linux/arm64/v8', 'linux/arm/v7', 'linux/amd64')
    expect(chosen('linux/amd64', index)).toBe('linux/amd64')
    expect(chosen('linux/arm64', index)).toBe('linux/arm64/v8')
  })

  it('gives an arm machine the best it can run, and nothing above it', () => {
    expect(chosen('linux/arm/v7', indexOf('linux/arm/v5', 'linux/arm/v6'))).toBe('linux/arm/v6')
    expect(chosen('linux/arm/v7', indexOf('linux/arm/v6', 'linux/arm/v7'))).toBe('linux/arm/v7')
    expect(() => chosen('linux/arm/v6', indexOf('linux/arm/v7'))).toThrow(
      'no image for linux/arm/v6; it has linux/arm/v7',
    )
  })

  it('gives an amd64 level or the best below it, and the plain one nothing above', () => {
    expect(chosen('linux/amd64/v3', indexOf('linux/amd64', 'linux/amd64/v2'))).toBe('linux/amd64/v2')
    expect(chosen('linux/amd64', indexOf('linux/amd64/v3', 'linux/amd64'))).toBe('linux/amd64')
    expect(() => chosen('linux/amd64', indexOf('linux/amd64/v3'))).toThrow('it has linux/amd64/v3')
  })

  it('gives a 64-bit machine the 32-bit image if it has no other, but not somebody who asked for 64 bits', () => {
    expect(chosen('linux/amd64', indexOf('linux/386'), false)).toBe('linux/386')
    expect(chosen('linux/arm64', indexOf('linux/arm/v6', 'linux/arm/v7'), false)).toBe('linux/arm/v7')
    expect(() => chosen('linux/amd64', indexOf('linux/386'), true)).toThrow('it has linux/386')
  })

  it('does not count statements about images as images', () => {
    const statement: Descriptor = { ...indexOf('unknown/unknown')[0]!, digest: 'statement' }
    const index = [statement, ...indexOf('linux/arm64')]
    expect(() => chosen('linux/amd64', index)).toThrow(/^x: no image for linux\/amd64; it has linux\/arm64$/)
    expect(() => chosen('linux/amd64', [statement])).toThrow('it has none at all')
  })

  it('takes an entry without platform when none is better', () => {
    const bare: Descriptor = { mediaType: 'm', digest: 'bare', size: 1 }
    expect(chosen('linux/amd64', [bare, ...indexOf('linux/amd64')])).toBe('linux/amd64')
    expect(chosen('linux/amd64', [bare, ...indexOf('linux/arm64')])).toBe('bare')
  })

  it('chooses what fits, and refuses exactly when nothing fits', () => {
    const platform = fc.constantFrom(
      ...['linux/amd64', 'linux/amd64/v2', 'linux/arm/v5', 'linux/arm/v7', 'linux/arm64', 'linux/386', 'wasi/wasm'],
    )
    fc.assert(
      fc.property(platform, fc.array(platform), fc.boolean(), (wanted, offered, asked) => {
        const want = { ...normalPlatform(read(wanted)), asked }
        const some = offered.some((text) => fits(want, read(text)))
        if (!some) expect(() => chosen(wanted, indexOf(...offered), asked)).toThrow('no image for')
        else expect(fits(want, read(chosen(wanted, indexOf(...offered), asked)))).toBe(true)
      }),
    )
  })
})
