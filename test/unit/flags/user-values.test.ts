// --userns, --uidmap and --gidmap: what users may write, and what it means.

import { describe, expect, it } from 'vitest'
import { idMapping, idMappings, userMode } from '../../../cli/flags/user-values.ts'

describe('--uidmap', () => {
  it('maps one id, or as many as are said', () => {
    expect(idMapping('--uidmap', '0:1000')).toEqual({ containerID: 0, hostID: 1000, size: 1 })
    expect(idMapping('--uidmap', '1:100000:65536')).toEqual({ containerID: 1, hostID: 100000, size: 65536 })
  })
  it.each([
    ['1', 'give CONTAINER:HOST[:NUMBER]'],
    ['0:1:2:3', 'give CONTAINER:HOST[:NUMBER]'],
    ['a:1:1', '--uidmap=a: not a whole number'],
    ['0:1:0', '--uidmap=0: must be at least 1'],
    ['-1:1:1', '--uidmap=-1: must be at least 0'],
    ['0:4294967295:1', 'must be at most 4294967294'],
    ['+g102000:@2000', 'of podman are not known'],
  ])('refuses %s', (value, sentence) => {
    expect(() => idMapping('--uidmap', value)).toThrow(sentence)
  })
  it('alone leaves the groups to be like the users', () => {
    expect(idMappings(['0:5:1'], [])).toEqual({ uid: [{ containerID: 0, hostID: 5, size: 1 }] })
    expect(idMappings([], ['0:5:1'])).toEqual({ gid: [{ containerID: 0, hostID: 5, size: 1 }] })
    expect(idMappings([], [])).toBeUndefined()
  })
})

describe('--userns', () => {
  const none = { uid: [], gid: [] }
  it('chooses ids with auto, as many as are said, but for those that are given', () => {
    expect(userMode('--userns', 'auto')).toEqual({ kind: 'auto', forced: none })
    expect(userMode('--userns', 'auto:size=2000')).toEqual({ kind: 'auto', size: 2000, forced: none })
    expect(userMode('--userns', 'auto:uidmapping=0:1:1,gidmapping=5:6:2')).toEqual({
      kind: 'auto',
      forced: { uid: [{ containerID: 0, hostID: 1, size: 1 }], gid: [{ containerID: 5, hostID: 6, size: 2 }] },
    })
  })
  it('keeps the caller with keep-id, under another id when one is given', () => {
    expect(userMode('--userns', 'keep-id')).toEqual({ kind: 'keep-id' })
    expect(userMode('--userns', 'keep-id:uid=200,gid=210')).toEqual({ kind: 'keep-id', uid: 200, gid: 210 })
  })
  it('is else what every namespace may be', () => {
    expect(userMode('--userns', 'host')).toEqual({ kind: 'host' })
    expect(userMode('--userns', 'container:web')).toEqual({ kind: 'container', container: 'web' })
  })
  it.each([
    ['auto:size', '"size" is none of size=, uidmapping=, gidmapping='],
    ['auto:size=0', '--userns=0: must be at least 1'],
    ['auto:colour=red', '"colour=red" is none of'],
    ['keep-id:size=1', '"size=1" is none of uid=, gid='],
    ['nomap', "is podman's, and vitrine does not have it"],
    ['elsewhere', 'give private, host'],
  ])('refuses %s', (value, sentence) => {
    expect(() => userMode('--userns', value)).toThrow(sentence)
  })
})
