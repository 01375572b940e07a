// What the options of a volume make of it.

import { describe, expect, it } from 'vitest'
import { UserError } from '../../../core/errors.ts'
import { localVolume } from '../../../core/spec/volume-driver.ts'

describe('the driver local', () => {
  it.each([
    [{}, { kind: 'directory', copies: true }],
    [{ nocopy: '' }, { kind: 'directory', copies: false }],
    [{ o: 'uid=33,gid=34,noquota' }, { kind: 'directory', copies: true, uid: 33, gid: 34 }],
    [
      { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,nodev,uid=33' },
      { kind: 'tmpfs', options: ['size=1m', 'nodev', 'uid=33'] },
    ],
    [
      { type: 'none', o: 'bind,ro', device: '/srv' },
      { kind: 'bind', source: '/srv', options: ['bind', 'ro'] },
    ],
  ])('makes of %j %j', (options: Record<string, string>, volume) => {
    expect(localVolume(options)).toEqual(volume)
  })

  it.each([
    [{ type: 'nfs', device: 'host:/x', o: 'addr=1.2.3.4' }, '--opt=type=nfs: a volume is a tmpfs, or a directory'],
    [{ type: 'ext4', device: '/dev/sdb' }, '--opt=type=ext4: '],
    [{ device: '/srv' }, '--opt=type=: a volume is a tmpfs'],
    [{ o: 'size=1g' }, '--opt=o=size=1g: needs the quotas of xfs'],
    [{ o: 'ro' }, '--opt=o=ro: a volume with a directory of its own takes uid= and gid= only'],
    [{ type: 'tmpfs', o: 'lowerdir=/etc' }, '--opt=o=lowerdir=/etc: is no option of a tmpfs'],
    [{ type: 'tmpfs', o: 'ro,rw' }, '--opt=o=ro,rw: ro and rw exclude each other'],
    [{ type: 'none', o: 'bind', device: 'srv' }, '--opt=device=srv: must be an absolute path'],
    [{ type: 'none', o: 'bind,size=1', device: '/srv' }, '--opt=o=size=1: is no option of a bind mount'],
    [{ colour: 'red' }, '--opt=colour=red: the driver local takes'],
    [{ copy: '', nocopy: '' }, 'copy and nocopy exclude each other'],
  ])('refuses %j: %s', (options: Record<string, string>, sentence) => {
    expect(() => localVolume(options)).toThrow(UserError)
    expect(() => localVolume(options)).toThrow(sentence)
  })
})
