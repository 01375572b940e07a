// Filters of images and the patterns in them. podman-images(1), Go's path.Match

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FilterFacts, imageFilter } from '../../../core/image/filter.ts'
import { globPattern } from '../../../core/image/glob.ts'
import type { ImageRecord } from '../../../core/image/store.ts'

const record = (id: string, names: readonly string[], created?: string): ImageRecord => ({
  id: id.padEnd(64, '0'),
  names,
  repoDigests: [],
  digest: `sha256:${id.padEnd(64, 'd')}`,
  platform: 'linux/amd64',
  layers: [],
  created,
  sizeBytes: 0,
  blobs: [],
})

const old = record('aaa', ['localhost/web:1', 'quay.io/me/site:latest'], '2020-01-01T00:00:00Z')
const young = record('bbb', ['docker.io/library/web:2'], '2024-01-01T00:00:00Z')
const nameless = record('ccc', [], '2022-01-01T00:00:00Z')
const images = [old, young, nameless]
const labels = new Map([
  [old.id, { stage: 'test', made: 'by hand' }],
  [young.id, { stage: 'live' }],
])
const facts: FilterFacts = {
  images,
  inUse: new Set([young.id]),
  labelsOf: ({ id }) => labels.get(id) ?? {},
  moment: (text) => Date.parse(text),
}
const fitting = (...words: string[]) => {
  const { fits } = imageFilter(words, facts)
  return images.filter(fits).map(({ id }) => id[0])
}

describe('a filter of images', () => {
  it.each([
    ['reference=web', 'ab'],
    ['reference=web:1', 'a'],
    ['reference=localhost/web', 'a'],
    ['reference=library/web', 'b'],
    ['reference=*/web', 'ab'],
    ['reference=*/*/web', 'b'],
    ['reference=w?b:[12]', 'ab'],
    ['reference=w?b:[^1]', 'b'],
    ['reference=we', ''],
    ['dangling=true', 'c'],
    ['dangling=false', 'ab'],
    ['label=stage', 'ab'],
    ['label=stage=live', 'b'],
    ['label=made=by hand', 'a'],
    ['label!=stage=live', 'ac'],
    ['label=toString', ''],
    ['before=web:2', 'ac'],
    ['since=web:1', 'bc'],
    ['after=aaa', 'bc'],
    ['until=2023-01-01', 'ac'],
    ['id=bbb', 'b'],
    ['id=sha256:bbb', 'b'],
    ['containers=true', 'b'],
    ['containers=0', 'ac'],
    ['intermediate=true', ''],
    ['intermediate=false', 'abc'],
    ['readonly=true', ''],
  ])('%s means %s', (word, ids) => {
    expect(fitting(word).join('')).toBe(ids)
  })

  it('takes values of one key as alternatives, and all keys together', () => {
    expect(fitting('label=stage=test', 'label=stage=live')).toEqual(['a', 'b'])
    expect(fitting('label=stage', 'containers=false')).toEqual(['a'])
    expect(fitting('reference=web', 'reference!=quay.io/*/*')).toEqual(['b'])
    expect(fitting()).toEqual(['a', 'b', 'c'])
  })

  it('keeps of an image the names that were asked for, and all when none was', () => {
    expect(imageFilter(['reference=web'], facts).names(old)).toEqual(['localhost/web:1'])
    expect(imageFilter(['label=stage'], facts).names(old)).toEqual(old.names)
  })

  it.each([
    ['beauty=1', 'unknown key'],
    ['dangling', 'must be KEY=VALUE'],
    ['dangling=perhaps', 'must be true or false'],
    ['reference=[a', '[ or \\ has no end'],
    ['before=nothing', 'nothing'],
  ])('refuses %s', (word, sentence) => {
    expect(() => fitting(word)).toThrow(sentence)
  })

  it('takes only the keys of its command', () => {
    expect(() => imageFilter(['reference=x'], facts, ['label', 'until'])).toThrow('known are label, until')
  })
})

describe('a pattern', () => {
  const text = fc.string({ unit: fc.constantFrom(...'ab/.*?[]^\\-:') })

  it('with every character escaped means just that text', () => {
    fc.assert(
      fc.property(text, text, (wanted, other) => {
        const pattern = globPattern([...wanted].map((character) => `\\${character}`).join(''))!
        expect(pattern.test(wanted)).toBe(true)
        expect(pattern.test(other)).toBe(other === wanted)
      }),
    )
  })

  it('is understood or refused, whatever it is, and a star stops at a slash', () => {
    fc.assert(fc.property(text, (glob) => void globPattern(glob)))
    expect(globPattern('a*c')!.test('abbc')).toBe(true)
    expect(globPattern('a*c')!.test('ab/c')).toBe(false)
    expect(globPattern('[b-a]')).toBeUndefined()
    expect(globPattern('a\\')).toBeUndefined()
  })
})
