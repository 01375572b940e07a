// Capability sets of a thread: asked for and changed. capget(2), capset(2)

import type { CapSets } from '../../core/syscall.ts'
import { commitCredentials } from '../commit-credentials.ts'
import { allCapabilities, capable } from '../credentials.ts'
import { type Denied, deny, type Outcome } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'

/** _LINUX_CAPABILITY_VERSION_1 has 32 bits, the two others have 64. linux/capability.h */
const halvesOf = new Map([
  [0x19980330, 1],
  [0x20071026, 2],
  [0x20080522, 2],
])

function capget(task: Task, header: Uint8Array, roomBytes: number): Outcome {
  const call = 'capget(2)'
  if (header.length < 8) return deny('EFAULT', call, `${call}: the header has 8 bytes`)
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  const halves = halvesOf.get(view.getUint32(0, true))
  if (halves === undefined) {
    if (roomBytes === 0) return { value: 0 }
    return deny('EINVAL', call, `${call}: the header has no version that the kernel knows`)
  }
  const pid = view.getInt32(4, true)
  if (pid < 0) return deny('EINVAL', call, `${call}: no pid is negative`)
  const target = pid === 0 ? task : task.pidNamespace.find(pid)?.task
  if (target === undefined) return deny('ESRCH', call, `${call}: there is no task ${pid}`)
  const { effective, permitted, inheritable } = target.credentials
  const data = new Uint8Array(12 * halves)
  const out = new DataView(data.buffer)
  for (let half = 0; half < halves; half++) {
    const part = (set: bigint): number => Number((set >> BigInt(32 * half)) & 0xffffffffn)
    for (const [at, set] of [effective, permitted, inheritable].entries())
      out.setUint32(12 * half + 4 * at, part(set), true)
  }
  return { value: 0, data }
}

function capset(task: Task, sets: CapSets): number | Denied {
  const call = 'capset(2)'
  if (sets.pid && sets.pid !== task.entry.in(task.pidNamespace))
    return deny('EPERM', 'capabilities(7)', `${call}: a thread sets its own capabilities alone`)
  const old = task.credentials
  const effective = sets.effective & allCapabilities
  const permitted = sets.permitted & allCapabilities
  const inheritable = sets.inheritable & allCapabilities
  const refuse = (why: string): Denied => deny('EPERM', 'capabilities(7)', `${call}: ${why}`)
  const beyond = (set: bigint, bound: bigint): boolean => (set & ~bound) !== 0n
  if (beyond(inheritable, old.inheritable | old.permitted) && !capable(old, 'SETPCAP', old.namespace))
    return refuse('without CAP_SETPCAP what is inheritable has to be permitted')
  if (beyond(inheritable, old.inheritable | old.bounding))
    return refuse('what is inheritable has to be in the bounding set')
  if (beyond(permitted, old.permitted)) return refuse('the permitted set only shrinks')
  if (beyond(effective, permitted)) return refuse('what is effective has to be permitted')
  commitCredentials(task, { ...old, effective, permitted, inheritable, ambient: old.ambient & permitted & inheritable })
  return 0
}

export const calls: Calls = {
  capget: full((task, { hdrp, datap }) => capget(task, hdrp, datap)),
  capset: full((task, { sets }) => capset(task, sets)),
}
