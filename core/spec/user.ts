// Who the container's process is: names looked up in the root filesystem's own /etc/passwd and /etc/group.

import { UserError } from '../errors.ts'

export interface ResolvedUser {
  readonly uid: number
  readonly gid: number
  /** Ascending, without gid. */
  readonly additionalGids: readonly number[]
  readonly home: string
}

interface PasswdEntry {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

interface GroupEntry {
  readonly name: string
  readonly gid: number
  readonly members: readonly string[]
}

const isNumber = (word: string | undefined): word is string => word !== undefined && /^\d+$/.test(word)

/** passwd(5): `name:password:uid:gid:comment:home:shell`. Lines that are broken are passed over, as the C library does. */
function readPasswd(content: string): readonly PasswdEntry[] {
  return content.split('\n').flatMap((line) => {
    const [name, , uid, gid, , home] = line.split(':')
    if (!name || name.startsWith('#') || !isNumber(uid) || !isNumber(gid)) return []
    return [{ name, uid: Number(uid), gid: Number(gid), home: home || '/' }]
  })
}

/** group(5): `name:password:gid:member,member`. */
function readGroup(content: string): readonly GroupEntry[] {
  return content.split('\n').flatMap((line) => {
    const [name, , gid, members] = line.split(':')
    if (!name || name.startsWith('#') || !isNumber(gid)) return []
    return [{ name, gid: Number(gid), members: (members ?? '').split(',').map((member) => member.trim()) }]
  })
}

function idOf(word: string, flag: string): number {
  const id = Number(word)
  if (id > 2 ** 32 - 2) throw new UserError(`${flag}=${word}: an id is at most ${2 ** 32 - 2}`)
  return id
}

function groupId(word: string, groups: readonly GroupEntry[], flag: string): number {
  const entry = groups.find((each) => each.name === word)
  if (entry !== undefined) return entry.gid
  if (isNumber(word)) return idOf(word, flag)
  throw new UserError(`${flag}: no group "${word}" in the container's /etc/group`)
}

/**
 * The ids behind `--user` or an image's User.
 *
 * Numbers need no entry: the group is then 0, the home `/`. The groups that /etc/group lists the user in are taken unless
 * a group was named. passwd(5), group(5); OCI image spec, config.md, "User".
 *
 * @param user - `name`, `uid`, `name:group`, `uid:gid`; empty means uid 0
 * @param passwd - content of the root filesystem's /etc/passwd, empty when there is none
 * @param group - content of its /etc/group
 * @errors UserError for a name that is not there
 */
export function resolveUser(user: string, passwd: string, group: string): ResolvedUser {
  const colon = user.indexOf(':')
  const who = (colon < 0 ? user : user.slice(0, colon)) || '0'
  const groupWord = colon < 0 ? '' : user.slice(colon + 1)
  const entries = readPasswd(passwd)
  const entry =
    entries.find((each) => each.name === who) ??
    (isNumber(who) ? entries.find((each) => each.uid === Number(who)) : undefined)
  if (entry === undefined && !isNumber(who))
    throw new UserError(`--user: no user "${who}" in the container's /etc/passwd`)
  const groups = readGroup(group)
  const uid = entry?.uid ?? idOf(who, '--user')
  const gid = groupWord === '' ? (entry?.gid ?? 0) : groupId(groupWord, groups, '--user')
  const listed = entry === undefined || groupWord !== '' ? [] : groups.filter((g) => g.members.includes(entry.name))
  const additionalGids = [...new Set(listed.map((each) => each.gid))].filter((each) => each !== gid)
  return { uid, gid, additionalGids: additionalGids.sort((a, b) => a - b), home: entry?.home ?? '/' }
}

/**
 * The ids behind `--group-add`.
 *
 * @errors UserError for a name that is not in the root filesystem's /etc/group
 */
export function resolveGroups(words: readonly string[], group: string): readonly number[] {
  const groups = readGroup(group)
  return words.map((word) => groupId(word, groups, '--group-add'))
}
