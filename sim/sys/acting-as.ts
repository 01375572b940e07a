// Who access(2) asks for: the real ids. access_override_creds() in fs/open.c

import type { Credentials } from '../credentials.ts'
import type { KUid } from '../ids.ts'

const SECBIT_NO_SETUID_FIXUP = 4

/** The same task as its real user and group: without its capabilities unless that user is root. */
export function actingAs(who: Credentials): Credentials {
  const { uid, gid, securebits, namespace } = who
  const root = namespace.kuid(0)
  let { effective } = who
  if (!(securebits & SECBIT_NO_SETUID_FIXUP)) effective = (uid as KUid | undefined) === root ? who.permitted : 0n
  if (who.fsuid === uid && who.fsgid === gid && effective === who.effective) return who
  return { ...who, fsuid: uid, fsgid: gid, effective }
}
