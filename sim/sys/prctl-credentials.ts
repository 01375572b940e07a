// The part of prctl(2) that is about privilege: bounding and ambient sets, securebits, no_new_privs.

import { commitCredentials } from '../commit-credentials.ts'
import { CAP, capable, lastCapability } from '../credentials.ts'
import { type Denied, deny, type Reply } from '../outcome.ts'
import { SECBIT, secureAllBits, secureAllLocks } from '../securebits.ts'
import type { Task } from '../task.ts'

const PR = {
  GET_KEEPCAPS: 7,
  SET_KEEPCAPS: 8,
  CAPBSET_READ: 23,
  CAPBSET_DROP: 24,
  GET_SECUREBITS: 27,
  SET_SECUREBITS: 28,
  SET_NO_NEW_PRIVS: 38,
  GET_NO_NEW_PRIVS: 39,
  CAP_AMBIENT: 47,
} as const
const AMBIENT = { IS_SET: 1, RAISE: 2, LOWER: 3, CLEAR_ALL: 4 } as const

const call = 'prctl(2)'
const invalid = (rule: string, why: string): Denied => deny('EINVAL', rule, `${call}: ${why}`)
const forbidden = (rule: string, why: string): Denied => deny('EPERM', rule, `${call}: ${why}`)
const known = (capability: number): boolean => capability >= 0 && capability <= lastCapability
const bitOf = (capability: number): bigint => 1n << BigInt(capability)

/** Undefined: the option is about something else. @param args - arg2 to arg5 */
export function prctlCredentials(
  task: Task,
  option: number,
  args: readonly [number, number, number, number],
): Reply | undefined {
  const [arg2] = args
  const { credentials } = task
  switch (option) {
    case PR.CAPBSET_READ:
      if (!known(arg2)) return invalid('USR-027', `there is no capability ${arg2}`)
      return credentials.bounding & bitOf(arg2) ? 1 : 0
    case PR.CAPBSET_DROP:
      return dropFromBounding(task, arg2)
    case PR.GET_SECUREBITS:
      return credentials.securebits
    case PR.SET_SECUREBITS:
      return setSecurebits(task, arg2)
    case PR.GET_KEEPCAPS:
      return credentials.securebits & SECBIT.KEEP_CAPS ? 1 : 0
    case PR.SET_KEEPCAPS:
      return setKeepCapabilities(task, arg2)
    case PR.CAP_AMBIENT:
      return ambient(task, args)
    case PR.SET_NO_NEW_PRIVS:
      if (arg2 !== 1 || args.slice(1).some((arg) => arg !== 0))
        return invalid('USR-024', 'PR_SET_NO_NEW_PRIVS takes 1 and nothing else: there is no way back')
      task.noNewPrivileges = true
      return 0
    case PR.GET_NO_NEW_PRIVS:
      if (args.some((arg) => arg !== 0)) return invalid('USR-024', 'PR_GET_NO_NEW_PRIVS takes no arguments')
      return task.noNewPrivileges ? 1 : 0
  }
  return undefined
}

function dropFromBounding(task: Task, capability: number): Reply {
  const { credentials } = task
  if (!capable(credentials, 'SETPCAP', credentials.namespace))
    return forbidden('USR-027', 'dropping from the bounding set needs CAP_SETPCAP')
  if (!known(capability)) return invalid('USR-027', `there is no capability ${capability}`)
  commitCredentials(task, { ...credentials, bounding: credentials.bounding & ~bitOf(capability) })
  return 0
}

function setSecurebits(task: Task, wanted: number): Reply {
  const { credentials } = task
  const { securebits } = credentials
  const locks = securebits & secureAllLocks
  if ((locks >> 1) & (securebits ^ wanted) || locks & ~wanted)
    return forbidden('capabilities(7)', 'a securebit is locked')
  if (wanted & ~(secureAllLocks | secureAllBits)) return forbidden('capabilities(7)', 'there are unknown securebits')
  if (!capable(credentials, 'SETPCAP', credentials.namespace))
    return forbidden('capabilities(7)', 'changing securebits needs CAP_SETPCAP')
  commitCredentials(task, { ...credentials, securebits: wanted })
  return 0
}

const keepCapsLocked = SECBIT.KEEP_CAPS << 1

function setKeepCapabilities(task: Task, on: number): Reply {
  const { credentials } = task
  const { securebits } = credentials
  if (on !== 0 && on !== 1) return invalid('USR-029', 'PR_SET_KEEPCAPS takes 0 or 1')
  if (securebits & keepCapsLocked) return forbidden('USR-029', 'the securebit KEEP_CAPS is locked')
  const bits = on === 1 ? securebits | SECBIT.KEEP_CAPS : securebits & ~SECBIT.KEEP_CAPS
  commitCredentials(task, { ...credentials, securebits: bits })
  return 0
}

function ambient(task: Task, [operation, capability, arg4, arg5]: readonly [number, number, number, number]): Reply {
  const { credentials } = task
  if (operation === AMBIENT.CLEAR_ALL) {
    if (capability !== 0 || arg4 !== 0 || arg5 !== 0)
      return invalid('USR-028', 'PR_CAP_AMBIENT_CLEAR_ALL takes no arguments')
    commitCredentials(task, { ...credentials, ambient: 0n })
    return 0
  }
  if (!known(capability) || arg4 !== 0 || arg5 !== 0)
    return invalid('USR-028', `PR_CAP_AMBIENT takes one capability of those from ${CAP.CHOWN} to ${lastCapability}`)
  const bit = bitOf(capability)
  switch (operation) {
    case AMBIENT.IS_SET:
      return credentials.ambient & bit ? 1 : 0
    case AMBIENT.RAISE:
      if (!(credentials.permitted & credentials.inheritable & bit))
        return forbidden('USR-028', 'only what is permitted and inheritable can become ambient')
      if (credentials.securebits & SECBIT.NO_CAP_AMBIENT_RAISE)
        return forbidden('USR-028', 'the securebit NO_CAP_AMBIENT_RAISE is set')
      commitCredentials(task, { ...credentials, ambient: credentials.ambient | bit })
      return 0
    case AMBIENT.LOWER:
      commitCredentials(task, { ...credentials, ambient: credentials.ambient & ~bit })
      return 0
  }
  return invalid('USR-028', 'PR_CAP_AMBIENT has no such operation')
}
