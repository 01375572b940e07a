// Ids and names: what they look like, and which are refused.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkName, newId, newName } from '../../../core/store/ids.ts'

describe('an id', () => {
  it('has 64 hexadecimal digits, and does not begin like a number', () => {
    const zeros = [new Uint8Array(32), new Uint8Array(32).fill(0xab)]
    expect(newId(() => zeros.shift()!)).toBe('ab'.repeat(32))
  })
})

describe('a name', () => {
  it('is made of an adjective and a noun, and is always a legal one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.nat({ max: 3 }), (bytes, attempt) => {
        const name = newName(() => bytes, attempt)
        expect(name).toMatch(attempt === 0 ? /^[a-z]+_[a-z]+$/ : /^[a-z]+_[a-z]+\d+$/)
        checkName(name)
      }),
    )
  })

  it('begins with a letter or digit, and has no character that a path or a shell would read otherwise', () => {
    for (const name of ['', '-a', '.a', '_a', 'a/b', 'a b', 'a$', 'ü', '..', 'a'.repeat(256)])
      expect(() => checkName(name)).toThrow(`name ${name}: must be letters`)
    for (const name of ['a', 'A-b_c.d', '0', 'web1']) checkName(name)
  })
})
