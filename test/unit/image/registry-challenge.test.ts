// Reading WWW-Authenticate.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseChallenges } from '../../../core/image/registry/challenge.ts'

describe('challenges', () => {
  it('are read with quoted and bare parameters', () => {
    expect(
      parseChallenges('Bearer realm="https://a.example/token?x=1,2",service=a.example,Scope="repository:b:pull,push"'),
    ).toEqual([
      {
        scheme: 'bearer',
        parameters: { realm: 'https://a.example/token?x=1,2', service: 'a.example', scope: 'repository:b:pull,push' },
      },
    ])
  })

  it('are told apart when several stand in one header', () => {
    expect(
      parseChallenges('Negotiate, Basic realm="a \\"b\\"", charset="UTF-8" , Bearer realm = "c",error="invalid_token"'),
    ).toEqual([
      { scheme: 'negotiate', parameters: {} },
      { scheme: 'basic', parameters: { realm: 'a "b"', charset: 'UTF-8' } },
      { scheme: 'bearer', parameters: { realm: 'c', error: 'invalid_token' } },
    ])
  })

  it('may carry a token instead of parameters', () => {
    const schemes = parseChallenges('Negotiate YWJj==, Basic realm="x"').map(({ scheme }) => scheme)
    expect(schemes).toContain('basic')
    expect(schemes[0]).toBe('negotiate')
  })

  it('are the same after they are written down', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
    const challenge = fc.record({
      scheme: name,
      parameters: fc.dictionary(name, fc.string({ minLength: 0 }), { minKeys: 1, maxKeys: 4 }),
    })
    const written = (value: string) => `"${value.replace(/["\\]/g, '\\$&')}"`
    fc.assert(
      fc.property(fc.array(challenge, { minLength: 1, maxLength: 3 }), (challenges) => {
        const header = challenges
          .map(({ scheme, parameters }) => {
            const list = Object.entries(parameters).map(([key, value]) => `${key}=${written(value)}`)
            return `${scheme} ${list.join(', ')}`
          })
          .join(', ')
        expect(parseChallenges(header)).toEqual(
          challenges.map((one) => ({ ...one, parameters: { ...one.parameters } })),
        )
      }),
    )
  })

  it('end where nothing can be understood, and never the program', () => {
    fc.assert(fc.property(fc.string(), (header) => Array.isArray(parseChallenges(header))))
    expect(parseChallenges('Basic realm="unfinished').map(({ scheme }) => scheme)[0]).toBe('basic')
  })
})
