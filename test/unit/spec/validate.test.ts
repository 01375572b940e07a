// Reading config.json: what is wrong is named by its path, what is unknown is kept.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UserError } from '../../../core/errors.ts'
import { validateSpec } from '../../../core/spec/validate.ts'
import { fullSpec } from './full-spec.ts'

type Path = readonly (string | number)[]

const spelled = (path: Path): string =>
  path.reduce<string>((sum, part) => (typeof part === 'number' ? `${sum}[${part}]` : sum ? `${sum}.${part}` : part), '')

/** A copy of a value in which what stands at a path is changed; `undefined` removes it. */
function changed(value: unknown, path: Path, to: unknown): unknown {
  const [head, ...rest] = path
  if (head === undefined) return to
  const copy: Record<string | number, unknown> = Array.isArray(value) ? ([...value] as never) : { ...(value as object) }
  copy[head] = changed(copy[head], rest, to)
  if (copy[head] === undefined) delete copy[head]
  return copy
}

const withChange = (path: Path, to: unknown) => () => validateSpec(changed(fullSpec, path, to))

function everyPath(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  const below = Object.entries(value).flatMap(([key, item]) =>
    everyPath(item, [...path, Array.isArray(value) ? Number(key) : key]),
  )
  return path.length === 0 ? below : [path, ...below]
}

const at = (path: Path): unknown =>
  path.reduce<unknown>((value, part) => (value as Record<string | number, unknown>)[part], fullSpec)

describe('a valid spec', () => {
  it('is returned as it is, since nothing may be dropped', () => {
    expect(validateSpec(fullSpec)).toBe(fullSpec)
  })

  it('keeps fields that are not known, at every depth', () => {
    const more = changed(changed(fullSpec, ['x-own'], { a: 1 }), ['linux', 'resources', 'x-own'], 7)
    expect(validateSpec(more)).toEqual(more)
  })

  it('may have nothing but a version', () => {
    expect(validateSpec({ ociVersion: '1.0.2-dev' })).toEqual({ ociVersion: '1.0.2-dev' })
  })

  it('may mount on a relative destination, which the OCI spec still allows', () => {
    expect(withChange(['mounts', 0, 'destination'], 'proc')).not.toThrow()
  })
})

describe('a spec that is wrong', () => {
  const cases: readonly (readonly [Path, unknown, string])[] = [
    [['ociVersion'], undefined, 'ociVersion: is missing'],
    [['ociVersion'], '2.0.0', 'ociVersion: 2.0.0 is not supported'],
    [['ociVersion'], 'new', 'ociVersion: must be a version such as 1.2.0, not "new"'],
    [['process', 'args'], [], 'process.args: must not be empty'],
    [['process', 'args'], undefined, 'process.args: is missing'],
    [['process', 'cwd'], 'tmp', 'process.cwd: must be an absolute path, not "tmp"'],
    [['process', 'env', 0], 7, 'process.env[0]: must be a string'],
    [['process', 'env', 0], 'A=\0', 'process.env[0]: must not contain a NUL character'],
    [['process', 'user', 'uid'], -1, 'process.user.uid: must be at least 0, not -1'],
    [['process', 'user', 'uid'], 2 ** 32, 'process.user.uid: must be at most 4294967295, not 4294967296'],
    [['process', 'user', 'uid'], 1.5, 'process.user.uid: must be a whole number'],
    [['process', 'user'], undefined, 'process.user: is missing'],
    [['process', 'rlimits', 0, 'type'], 'NOFILE', 'process.rlimits[0].type: unknown resource limit "NOFILE"'],
    [['process', 'rlimits', 0, 'hard'], 5, 'process.rlimits[0].soft: must not be above the hard limit 5, not 1024'],
    [
      ['process', 'rlimits', 1],
      { type: 'RLIMIT_NOFILE', soft: 1, hard: 1 },
      'process.rlimits[1].type: duplicate resource limit "RLIMIT_NOFILE"',
    ],
    [
      ['process', 'capabilities', 'bounding', 0],
      'CAP_FLY',
      'process.capabilities.bounding[0]: unknown capability "CAP_FLY"',
    ],
    [['process', 'oomScoreAdj'], 1001, 'process.oomScoreAdj: must be at most 1000, not 1001'],
    [['mounts', 0, 'destination'], '', 'mounts[0].destination: must not be empty'],
    [['linux', 'namespaces', 2, 'type'], 'foo', 'linux.namespaces[2].type: unknown namespace "foo"'],
    [['linux', 'namespaces', 2, 'type'], 'pid', 'linux.namespaces[2].type: duplicate namespace "pid"'],
    [['linux', 'namespaces', 0, 'path'], 'x', 'linux.namespaces[0].path: must be an absolute path, not "x"'],
    [['linux', 'devices', 0, 'major'], undefined, 'linux.devices[0].major: is missing'],
    [['linux', 'maskedPaths', 0], 'x', 'linux.maskedPaths[0]: must be an absolute path, not "x"'],
    [['linux', 'timeOffsets', 'realtime'], {}, 'linux.timeOffsets.realtime: unknown clock'],
    [['linux', 'seccomp', 'defaultAction'], 'KILL', 'linux.seccomp.defaultAction: unknown seccomp action "KILL"'],
    [
      ['linux', 'resources', 'unified', 'a/b'],
      '1',
      'linux.resources.unified.a/b: must be the name of a file of the cgroup, without a slash',
    ],
    [
      ['linux', 'resources', 'devices', 0, 'access'],
      'rx',
      'linux.resources.devices[0].access: must be made of the letters r, w and m, not "rx"',
    ],
    [['linux', 'namespaces'], [{ type: 'pid' }], 'hostname: needs a uts namespace in linux.namespaces'],
  ]
  it.each(cases)('%j = %j: %s', (...[path, to, sentence]) => {
    expect(withChange(path, to)).toThrow(new UserError(sentence))
  })

  it.each([null, [], 'text', 7])('config.json is %j', (value) => {
    expect(() => validateSpec(value)).toThrow('config.json: must be an object')
  })

  it('is refused with the path of the field, whatever field has a wrong type', () => {
    const wrongFor = (value: unknown): readonly unknown[] => {
      const all: readonly unknown[] = ['text', 7, true, null, ['list'], { object: 1 }]
      return all.filter((each) => kind(each) !== kind(value))
    }
    const path = fc.constantFrom(...everyPath(fullSpec))
    const pair = path.chain((where) => fc.tuple(fc.constant(where), fc.constantFrom(...wrongFor(at(where)))))
    fc.assert(
      fc.property(pair, ([where, value]) => {
        const name = spelled(where)
        expect(withChange(where, value)).toThrow(UserError)
        try {
          withChange(where, value)()
        } catch (error) {
          expect((error as Error).message).toMatch(new RegExp(`^${name.replace(/[[\].]/g, '\\$&')}: must be `))
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('never makes the reader fail in any other way, whatever JSON it is given', () => {
    fc.assert(
      fc.property(fc.constantFrom(...everyPath(fullSpec)), fc.jsonValue(), (where, value) => {
        try {
          withChange(where, value)()
        } catch (error) {
          expect(error).toBeInstanceOf(UserError)
        }
      }),
    )
  })
})

function kind(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value
}
