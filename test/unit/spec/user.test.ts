// Whose names mean which ids.

import { describe, expect, it } from 'vitest'
import { resolveGroups, resolveUser } from '../../../core/spec/user.ts'

const passwd = `root:x:0:0:root:/root:/bin/sh
# a comment
broken line
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
1234:x:77:77:a number for a name:/numbers:/bin/sh
nohome:x:88:88:::
`
const group = `root:x:0:
tty:x:5:
www-data:x:33:
adm:x:4:syslog,www-data
video:x:44:www-data, daemon
`
const user = (word: string) => resolveUser(word, passwd, group)

describe('a user', () => {
  it.each([
    ['', { uid: 0, gid: 0, additionalGids: [], home: '/root' }],
    ['root', { uid: 0, gid: 0, additionalGids: [], home: '/root' }],
    ['www-data', { uid: 33, gid: 33, additionalGids: [4, 44], home: '/var/www' }],
    ['33', { uid: 33, gid: 33, additionalGids: [4, 44], home: '/var/www' }],
    ['www-data:tty', { uid: 33, gid: 5, additionalGids: [], home: '/var/www' }],
    ['www-data:99', { uid: 33, gid: 99, additionalGids: [], home: '/var/www' }],
    ['5000', { uid: 5000, gid: 0, additionalGids: [], home: '/' }],
    ['5000:6000', { uid: 5000, gid: 6000, additionalGids: [], home: '/' }],
    ['daemon:', { uid: 1, gid: 1, additionalGids: [44], home: '/usr/sbin' }],
    ['nohome', { uid: 88, gid: 88, additionalGids: [], home: '/' }],
  ])('"%s" is %j', (word, expected) => {
    expect(user(word)).toEqual(expected)
  })

  it('is looked up by name before by number', () => {
    expect(user('1234').uid).toBe(77)
  })

  it('needs no /etc/passwd when it is a number', () => {
    expect(resolveUser('7:8', '', '')).toEqual({ uid: 7, gid: 8, additionalGids: [], home: '/' })
  })

  it.each([
    ['nobody', '--user: no user "nobody" in the container\'s /etc/passwd'],
    ['root:wheel', '--user: no group "wheel" in the container\'s /etc/group'],
    ['4294967295', '--user=4294967295: an id is at most 4294967294'],
  ])('"%s" is refused', (word, sentence) => {
    expect(() => user(word)).toThrow(sentence)
  })
})

describe('a group that is added', () => {
  it('is a name or a number', () => {
    expect(resolveGroups(['adm', '1000'], group)).toEqual([4, 1000])
  })
  it('is refused when the container has no such name', () => {
    expect(() => resolveGroups(['wheel'], group)).toThrow('--group-add: no group "wheel"')
  })
})
