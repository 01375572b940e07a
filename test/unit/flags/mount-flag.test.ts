// --mount and --volumes-from as users write them.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mountFlag } from '../../../cli/flags/mount-flag.ts'
import { volume, volumesFrom } from '../../../cli/flags/mount-values.ts'
import { UserError } from '../../../core/errors.ts'

const read = (value: string, selinux = false) => mountFlag('--mount', value, '/home/me', selinux)

describe('--mount', () => {
  it.each([
    ['type=bind,source=/a,destination=/b', '/a:/b'],
    ['type=bind,src=/a,dst=/b,readonly', '/a:/b:ro'],
    ['type=bind,src=/a,target=/b,ro=false,bind-propagation=rslave', '/a:/b:rslave'],
    ['type=bind,src=/a,dst=/b,ro=true,bind-nonrecursive', '/a:/b:ro,bind'],
    ['type=bind,src=./a,dst=/b,U=true', './a:/b:U'],
    ['type=bind,src=a,dst=/b', './a:/b'],
    ['type=volume,src=db,dst=/b,chown', 'db:/b:U'],
    ['type=volume,src=db,dst=/b,nocopy', 'db:/b:nocopy'],
    ['src=db,dst=/b', 'db:/b'],
    ['type=volume,dst=/b', '/b'],
    ['type=bind,src=/a,dst=/b,relabel=shared', '/a:/b:z'],
  ])('%s means -v %s', (value, short) => {
    expect(read(value)).toEqual({ kind: 'volume', volume: volume('-v', short, '/home/me') })
  })

  it('takes names with a comma in quotes', () => {
    expect(read('type=bind,"src=/a,b",dst=/c')).toMatchObject({ volume: { source: '/a,b' } })
  })

  it('makes a tmpfs', () => {
    expect(read('type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700,ro')).toEqual({
      kind: 'tmpfs',
      tmpfs: { destination: '/t', options: ['ro', 'size=1m', 'mode=700'] },
    })
  })

  it('keeps a label for a host that labels files', () => {
    expect(read('type=bind,src=/a,dst=/b,relabel=private', true)).toMatchObject({ volume: { options: ['Z'] } })
  })

  it.each([
    ['type=bind,dst=/b', 'the source is missing'],
    ['type=bind,src=/a', 'the destination is missing'],
    ['type=bind,src=/a,dst=b', 'must be absolute'],
    ['type=volume,src=/a,dst=/b', 'type=bind takes a path'],
    ['type=devpts,dst=/dev/pts', 'every container has its own'],
    ['type=image,src=x,dst=/b', 'cannot be mounted yet'],
    ['type=nfs,dst=/b', 'must be bind, volume, tmpfs'],
    ['type=constructor,dst=/b', 'must be bind, volume, tmpfs'],
    ['type=bind,src=/a,dst=/b,tmpfs-size=1', 'type=bind does not take "tmpfs-size"'],
    ['type=bind,src=/a,src=/c,dst=/b', 'src is given twice'],
    ['type=bind,src=/a,dst=/b,ro=maybe', 'ro must be true or false'],
    ['type=bind,src=/a,dst=/b,ro,rw', 'ro and rw exclude each other'],
    ['type=bind,src=/a,dst=/b,bind-propagation=none', 'must be one of shared'],
    ['type=bind,src=/a,dst=/b,relabel=all', 'relabel must be shared or private'],
    ['type=tmpfs,dst=/t,tmpfs-size=much', 'unknown option "size=much"'],
    ['type=tmpfs,dst=/t,tmpcopyup', "tmpcopyup is podman's"],
  ])('%s is refused: %s', (value, sentence) => {
    expect(() => read(value)).toThrow(UserError)
    expect(() => read(value)).toThrow(sentence)
    expect(() => read(value)).toThrow(`--mount=${value}: `)
  })

  it('takes or refuses whatever the words are', () => {
    const keys = ['type', 'src', 'dst', 'ro', 'U', 'tmpfs-size', 'bind-propagation', 'constructor', '']
    const part = fc.tuple(fc.constantFrom(...keys), fc.constantFrom('', '=', '=bind', '=tmpfs', '=/a', '=true', '=..'))
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        try {
          read(parts.map((words) => words.join('')).join(','))
        } catch (error) {
          expect(error).toBeInstanceOf(UserError)
        }
      }),
    )
  })
})

describe('--volumes-from', () => {
  it('names a container, and how its volumes are mounted', () => {
    expect(volumesFrom('--volumes-from', 'web')).toEqual({ container: 'web', options: [] })
    expect(volumesFrom('--volumes-from', 'web:ro,z')).toEqual({ container: 'web', options: ['ro'] })
    expect(volumesFrom('--volumes-from', 'web:ro,z', true)).toEqual({ container: 'web', options: ['ro', 'z'] })
  })

  it.each([
    ['', 'give CONTAINER'],
    ['web:ro:x', 'give CONTAINER'],
    ['web:Z', 'unknown option "Z"'],
    ['web:ro,rw', 'ro and rw exclude each other'],
  ])('%s is refused: %s', (value, sentence) => {
    expect(() => volumesFrom('--volumes-from', value)).toThrow(sentence)
  })
})
