// Values of flags that are read together: environment files, security options; and what holds for all values.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { envEntries, envFileEntries } from '../../../cli/flags/environment.ts'
import { device, tmpfs, volume } from '../../../cli/flags/mount-values.ts'
import { addHost, networkMode, publish } from '../../../cli/flags/network-values.ts'
import { securityOptions } from '../../../cli/flags/security-values.ts'
import * as values from '../../../cli/flags/values.ts'
import { UserError } from '../../../core/errors.ts'
import { signalName, signalNumber } from '../../../core/spec/names.ts'

describe('environment', () => {
  const own = { HOME: '/home/me', LC_A: '1', LC_B: '2' }
  it.each([
    ['A=1', ['A=1']],
    ['A=', ['A=']],
    ['A=b=c', ['A=b=c']],
    ['HOME', ['HOME=/home/me']],
    ['LC_*', ['LC_A=1', 'LC_B=2']],
    ['ABSENT', []],
    ['constructor', []],
  ])('%s', (entry, expected) => expect(envEntries('-e', entry, own)).toEqual(expected))
  it('without a name is refused', () => {
    expect(() => envEntries('-e', '=x', own)).toThrow('-e==x: the name of the variable is missing')
  })
  it('of a file is one a line, with comments', () => {
    const content = '# comment\n\nA=1\r\n  B="two words"\nHOME\nABSENT\n'
    expect(envFileEntries('f', content, own)).toEqual(['A=1', 'B="two words"', 'HOME=/home/me'])
  })
  it('of a file that is wrong is refused with its line', () => {
    expect(() => envFileEntries('f', 'A=1\nnot a name=1\n', own)).toThrow('--env-file=f: line 2: "not a name"')
  })
})

describe('security options', () => {
  const read = (...options: string[]) => securityOptions(options, (path) => `content of ${path}`)
  it('are collected', () => {
    expect(read('no-new-privileges', 'seccomp=unconfined', 'mask=/a:/b', 'unmask=/c', 'label=disable')).toEqual({
      seccomp: { kind: 'unconfined' },
      noNewPrivileges: true,
      mask: ['/a', '/b'],
      unmask: ['/c'],
    })
  })
  it("a profile's file is read", () => {
    expect(read('seccomp=/p.json').seccomp).toEqual({ kind: 'file', path: '/p.json', text: 'content of /p.json' })
  })
  it('unmask=all, in any letters, and systempaths=unconfined show everything', () => {
    expect(read('unmask=all').unmask).toEqual(['ALL'])
    expect(read('systempaths=unconfined').unmask).toEqual(['ALL'])
  })
  it.each([
    ['bogus', '--security-opt=bogus: give seccomp=FILE'],
    ['label=type:x', 'vitrine sets no SELinux labels'],
    ['mask=rel', 'the path "rel" must be absolute'],
    ['seccomp=', 'give seccomp=FILE'],
    ['no-new-privileges=maybe', 'give seccomp=FILE'],
    ['proc-opts=hidepid=2', "proc-opts is podman's"],
  ])('%s is refused', (option, sentence) => expect(() => read(option)).toThrow(sentence))
})

describe('properties', () => {
  it('every signal’s name means its number', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 64 }).filter((n) => n !== 32 && n !== 33),
        (number) => {
          expect(signalNumber(signalName(number))).toBe(number)
        },
      ),
    )
  })
  it('sizes grow with their unit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4096 }), (number) => {
        const bytes = ['b', 'k', 'm', 'g'].map((unit) => values.sizeBytes('--memory', `${number}${unit}`))
        expect(bytes).toEqual([0, 1, 2, 3].map((power) => number * 1024 ** power))
      }),
    )
  })
  it('a range of ports is as many mappings as it has ports, in order', () => {
    const port = fc.integer({ min: 1, max: 60_000 })
    fc.assert(
      fc.property(port, port, fc.integer({ min: 0, max: 50 }), (host, container, more) => {
        const mappings = publish('-p', `${host}-${host + more}:${container}-${container + more}`)
        expect(mappings.map((each) => each.hostPort! - host)).toEqual(
          mappings.map((each) => each.containerPort - container),
        )
        expect(mappings).toHaveLength(more + 1)
      }),
    )
  })
  it('whatever the words, a value is taken or refused with a sentence', () => {
    const readers: readonly ((value: string) => unknown)[] = [
      (value) => values.sizeBytes('--x', value),
      (value) => values.ulimit('--x', value),
      (value) => values.durationMilliseconds('--x', value),
      (value) => publish('--x', value),
      (value) => volume('--x', value, '/'),
      (value) => tmpfs('--x', value),
      (value) => device('--x', value),
      (value) => networkMode('--x', value),
      (value) => addHost('--x', value),
      (value) => securityOptions([value], () => ''),
    ]
    const word = fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9:/.[\]=,-]{0,20}$/))
    fc.assert(
      fc.property(fc.constantFrom(...readers), word, (read, value) => {
        try {
          read(value)
        } catch (error) {
          expect(error).toBeInstanceOf(UserError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
