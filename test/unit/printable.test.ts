// What others write, shown: a terminal obeys none of it, and nothing else is lost.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renderTable } from '../../cli/views/table.ts'
import { harmless, printable } from '../../core/printable.ts'

const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\u001b', '\u009b', '\r', '\u007f', '\u202e', '\n'),
    fc.string({ unit: 'binary', maxLength: 1 }),
  ),
})

describe('text of others', () => {
  it('is shown without what a terminal obeys, and otherwise as it is', () => {
    expect(harmless('\u001b]0;title\u0007 a\tb\nc\u009b2J\r')).toBe('\\u001b]0;title\\u0007 a\tb\nc\\u009b2J\\u000d')
    expect(harmless('déjà vu ✓ 日本')).toBe('déjà vu ✓ 日本')
  })

  it('is the same JSON as before', () => {
    fc.assert(
      fc.property(fc.array(hostile), (value) => {
        const text = harmless(JSON.stringify(value, null, 4))
        expect(text).not.toMatch(obeyed)
        expect(JSON.parse(text)).toEqual(value)
      }),
    )
  })

  it('is one short line in a sentence', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(printable(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
      }),
    )
    expect(printable('x'.repeat(10_000_000)).length).toBe(301)
  })

  it('makes no row of its own in a table', () => {
    expect(renderTable(['A', 'B'], [['1\n2', 'x']], { heading: true })).toBe('A    B\n1 2  x\n')
  })
})
