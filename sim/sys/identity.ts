// Names of the machine, as the caller's UTS namespace has them. uname(2), sethostname(2), setdomainname(2)

import { capable } from '../credentials.ts'
import { type Denied, type Done, deny } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import { decode, encode } from '../vfs/utf8.ts'

/** Bytes of each field of struct utsname with its end. linux/utsname.h */
const fieldBytes = 65
export const nameBytesMax = 64

/** What is the same in every UTS namespace (UTS-004). */
function systemNames(task: Task): { sysname: string; release: string; version: string; machine: string } {
  const [major, minor] = task.kernel.config.version
  return { sysname: 'Linux', release: `${major}.${minor}.0`, version: '#1 SMP', machine: 'x86_64' }
}

function uname(task: Task): Done {
  const { sysname, release, version, machine } = systemNames(task)
  const { hostname, domainname } = task.namespaces.uts
  const data = new Uint8Array(6 * fieldBytes)
  for (const [at, text] of [sysname, hostname, release, version, machine, domainname].entries())
    data.set(encode(text).subarray(0, nameBytesMax), at * fieldBytes)
  return { value: 0, data }
}

function setName(task: Task, which: 'hostname' | 'domainname', given: Uint8Array | string): number | Denied {
  const call = `set${which}(2)`
  const { uts } = task.namespaces
  if (!capable(task.credentials, 'SYS_ADMIN', uts.owner))
    return deny('EPERM', 'UTS-003', `${call}: it needs CAP_SYS_ADMIN in the user namespace that owns the UTS namespace`)
  const bytes = typeof given === 'string' ? encode(given) : given
  if (bytes.length > nameBytesMax) return deny('EINVAL', 'UTS-002', `${call}: a name has at most ${nameBytesMax} bytes`)
  const text = decode(bytes)
  const end = text.indexOf('\0')
  uts[which] = end < 0 ? text : text.slice(0, end)
  return 0
}

export const calls: Calls = {
  setdomainname: full((task, { domainname }) => setName(task, 'domainname', domainname)),
  sethostname: full((task, { hostname }) => setName(task, 'hostname', hostname)),
  uname: full(uname),
}
