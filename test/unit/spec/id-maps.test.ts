// Maps of ids: how they are made, what contradicts itself, and the option idmap of a volume.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkIdMap, hostIdOf, mappedAround, mappedFrom, readIdMap } from '../../../core/spec/id-maps.ts'
import { ownIdmap, readIdmap, resolveIdmap } from '../../../core/spec/idmap-option.ts'

const line = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size })

describe('a map of ids', () => {
  it('puts ranges that are lent one after the other', () => {
    const ranges = [
      { first: 100, count: 5 },
      { first: 300, count: 2 },
    ]
    expect(mappedFrom(0, ranges)).toEqual([line(0, 100, 5), line(5, 300, 2)])
  })

  it('goes around the ids that are mapped otherwise', () => {
    const range = { first: 1000, count: 10 }
    expect(mappedAround(range, [])).toEqual([line(0, 1000, 10)])
    expect(mappedAround(range, [line(0, 7, 1)])).toEqual([line(0, 7, 1), line(1, 1001, 9)])
    expect(mappedAround(range, [line(8, 50, 2), line(4, 70, 1)])).toEqual([
      line(0, 1000, 4),
      line(4, 70, 1),
      line(5, 1005, 3),
      line(8, 50, 2),
    ])
    expect(mappedAround(range, [line(20, 5, 3)])).toEqual([line(0, 1000, 10), line(20, 5, 3)])
  })

  it('gives every id one owner, whatever is forced', () => {
    const forced = fc
      .array(fc.record({ gap: fc.nat(20), size: fc.integer({ min: 1, max: 9 }) }), { maxLength: 5 })
      .map((parts) => {
        let next = 0
        return parts.map(({ gap, size }, i) => {
          const containerID = next + gap
          next = containerID + size
          return line(containerID, 1_000_000 * (i + 1), size)
        })
      })
    fc.assert(
      fc.property(forced, fc.integer({ min: 1, max: 60 }), (lines, count) => {
        const mapped = mappedAround({ first: 5000, count }, lines)
        for (let id = 0; id < count; id++) expect(hostIdOf(mapped, id)).toBe(hostIdOf(lines, id) ?? 5000 + id)
        if (mapped.some(({ containerID }) => containerID === 0)) expect(() => checkIdMap('--x', mapped)).not.toThrow()
      }),
    )
  })

  it.each([
    ['without a root', [line(1, 5, 5)], "--x: the container's id 0 must be mapped"],
    ['with a user who is two', [line(0, 5, 5), line(4, 50, 5)], "--x: the container's id 4 is mapped twice"],
    ['with two who are one', [line(0, 5, 5), line(10, 9, 5)], "--x: the host's id 9 is mapped twice"],
    ['beyond what an id can be', [line(0, 4294967290, 9)], "--x: the host's id 4294967298 is too large"],
    ['of too many ranges', Array.from({ length: 341 }, (_, i) => line(i, 2 * i, 1)), '--x: has 341 ranges'],
  ])('%s is refused', (_, lines, sentence) => {
    expect(() => checkIdMap('--x', lines)).toThrow(sentence)
  })

  it('is read as /proc has it', () => {
    expect(readIdMap('         0     100000      65536\n     65536         5          1\n')).toEqual([
      line(0, 100000, 65536),
      line(65536, 5, 1),
    ])
  })
})

describe('the option idmap', () => {
  const container = { uid: [line(0, 100000, 65536)], gid: [line(0, 200000, 65536)] }
  const resolved = (option: string, of: Parameters<typeof resolveIdmap>[1] = container) =>
    resolveIdmap(readIdmap(option), of)

  it('maps files to users of the host, or with a @ to those of the container', () => {
    expect(resolved('idmap=uids=0-1000-1#5-7-3;gids=0-9-1', {})).toEqual({
      uid: [line(0, 1000, 1), line(5, 7, 3)],
      gid: [line(0, 9, 1)],
    })
    expect(resolved('idmap=uids=@1000-0-1;gids=@1000-5-2')).toEqual({
      uid: [line(1000, 100000, 1)],
      gid: [line(1000, 200005, 2)],
    })
  })

  it('has groups as the container has them when it names users only', () => {
    expect(resolved('idmap=uids=0-1-1')).toEqual({ uid: [line(0, 1, 1)], gid: container.gid })
  })

  it('without anything more needs no map of its own', () => {
    const volume = { kind: 'named', source: 'x', destination: '/x' } as const
    expect(ownIdmap({ ...volume, options: ['ro', 'idmap'] })).toBeUndefined()
    expect(ownIdmap({ ...volume, options: ['idmap=gids=0-1-1'] })).toHaveProperty('gid')
  })

  it.each([
    ['idmap=uids=@0-0-1;gids=0-0-1', {}, "ids with a @ are those of the container's user namespace"],
    ['idmap=uids=0-0-1', {}, "without gids they are those of the container's user namespace"],
    ['idmap=uids=@0-65530-9;gids=0-0-1', container, "the container's uids 65530 to 65538 are not in a row"],
  ])('%s is refused when it cannot be found out', (option, of, sentence) => {
    expect(() => resolved(option, of)).toThrow(sentence)
  })
})
