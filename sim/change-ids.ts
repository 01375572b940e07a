// What capabilities become when user ids change. capabilities(7) "Effect of user ID changes on capabilities",
// cap_task_fix_setuid() in security/commoncap.c

import { CAP, type Credentials } from './credentials.ts'
import { SECBIT } from './securebits.ts'

const bit = (capability: number): bigint => 1n << BigInt(capability)
/** Capabilities that go with the file system uid. linux/capability.h CAP_FS_SET */
const fileSystemSet =
  bit(CAP.CHOWN) |
  bit(CAP.DAC_OVERRIDE) |
  bit(CAP.DAC_READ_SEARCH) |
  bit(CAP.FOWNER) |
  bit(CAP.FSETID) |
  bit(CAP.LINUX_IMMUTABLE) |
  bit(CAP.MKNOD) |
  bit(CAP.MAC_OVERRIDE)

/** After setuid(2), setreuid(2), setresuid(2): USR-028, USR-029. */
export function afterUserIds(old: Credentials, made: Credentials): Credentials {
  if (old.securebits & SECBIT.NO_SETUID_FIXUP) return made
  const root = old.namespace.kuid(0)
  let { permitted, effective, ambient } = made
  const hadRoot = old.uid === root || old.euid === root || old.suid === root
  const hasRoot = made.uid === root || made.euid === root || made.suid === root
  if (hadRoot && !hasRoot) {
    if (!(old.securebits & SECBIT.KEEP_CAPS)) permitted = effective = 0n
    ambient = 0n
  }
  if (old.euid === root && made.euid !== root) effective = 0n
  if (old.euid !== root && made.euid === root) effective = permitted
  return { ...made, permitted, effective, ambient }
}

/** After setfsuid(2). */
export function afterFileSystemUid(old: Credentials, made: Credentials): Credentials {
  if (old.securebits & SECBIT.NO_SETUID_FIXUP) return made
  const root = old.namespace.kuid(0)
  if (old.fsuid === root && made.fsuid !== root) return { ...made, effective: made.effective & ~fileSystemSet }
  if (old.fsuid !== root && made.fsuid === root)
    return { ...made, effective: made.effective | (fileSystemSet & made.permitted) }
  return made
}
