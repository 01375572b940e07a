// Who the container is: host name, domain name, kernel parameters of its namespaces, and its loopback interface.

import { UserError } from '../errors.ts'
import type { LinuxNamespaceType, Spec } from '../spec/types.ts'
import { AF_INET, IOCTL, O, SOCK } from './constants.ts'
import { isNew, type Namespaces } from './namespaces.ts'
import { from, openHost, type PlanWriter } from './writer.ts'

/** The kernel's __NEW_UTS_LEN, in bytes. */
const nameBytesMax = 64

/** sethostname(2), setdomainname(2). */
export function planNames(writer: PlanWriter, spec: Spec, namespaces: Namespaces): void {
  for (const [word, text] of [
    ['hostname', spec.hostname],
    ['domainname', spec.domainname],
  ] as const) {
    if (!text) continue
    if (!namespaces.has('uts'))
      throw new UserError(`${word}: would change the host's; a container needs a uts namespace to have its own`)
    const bytes = new TextEncoder().encode(text)
    if (bytes.length > nameBytesMax)
      throw new UserError(`${word}: ${text}: has ${bytes.length} bytes, and Linux takes ${nameBytesMax} at most`)
    if (word === 'hostname') writer.child({ name: 'sethostname', hostname: text }, 'give the container its host name')
    else writer.child({ name: 'setdomainname', domainname: text }, 'give the container its domain name')
  }
}

/** Which namespace a kernel parameter belongs to; undefined is the whole machine's. sysctl(8), ipc_namespaces(7). */
export function namespaceOfSysctl(key: string): LinuxNamespaceType | undefined {
  if (key.startsWith('net.')) return 'network'
  if (key.startsWith('fs.mqueue.')) return 'ipc'
  if (key === 'kernel.domainname' || key === 'kernel.hostname') return 'uts'
  return ipcKeys.has(key) ? 'ipc' : undefined
}

const ipcKeys = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
])

const sysctlDirectory = '/proc/sys'

/**
 * The file of a key. As sysctl(8) has it: the first separator decides, so that `net/ipv4/conf/eth0.1/forwarding` and
 * `net.ipv4.conf.eth0/1.forwarding` name the same file.
 */
export function sysctlPath(key: string): string {
  const separator = /[./]/.exec(key)?.[0]
  if (separator !== '.') return key
  return key.replace(/[./]/g, (each) => (each === '.' ? '/' : '.'))
}

function checkSysctls(spec: Spec, namespaces: Namespaces): [string, string][] {
  const entries = Object.entries(spec.linux?.sysctl ?? {})
  for (const [key] of entries) {
    const path = sysctlPath(key)
    if (path.split('/').some((part) => part === '' || part === '.' || part === '..'))
      throw new UserError(`linux.sysctl: ${key}: is no name of a kernel parameter`)
    const type = namespaceOfSysctl(path.replaceAll('/', '.'))
    if (type === undefined)
      throw new UserError(`linux.sysctl: ${key}: belongs to the whole machine, not to a container; set it on the host`)
    if (!namespaces.has(type))
      throw new UserError(
        `linux.sysctl: ${key}: would change the host's; the container needs its own ${type} namespace`,
      )
  }
  return entries
}

/** Before the host's files are left: its /proc/sys, which shows every caller the parameters of its own namespaces. */
export function planSysctlSource(writer: PlanWriter, spec: Spec, namespaces: Namespaces): void {
  if (checkSysctls(spec, namespaces).length > 0)
    writer.child(openHost(sysctlDirectory, O.PATH | O.DIRECTORY), 'open the kernel parameters', { as: 'sysctl' })
}

export function planSysctls(writer: PlanWriter, spec: Spec): void {
  for (const [key, value] of Object.entries(spec.linux?.sysctl ?? {})) {
    const as = `sysctl ${key}`
    writer.child(
      { name: 'openat', dirfd: from('sysctl'), pathname: sysctlPath(key), flags: O.WRONLY | O.CLOEXEC, mode: 0 },
      `open the kernel parameter ${key}`,
      { as },
    )
    writer.child({ name: 'write', fd: from(as), buf: value }, `set ${key} to ${value}`)
  }
}

/** A new network namespace has a loopback interface that is down. netdevice(7), SIOCSIFFLAGS. */
export function planLoopback(writer: PlanWriter, namespaces: Namespaces): void {
  if (!isNew(namespaces, 'network')) return
  writer.child(
    { name: 'socket', domain: AF_INET, type: SOCK.DGRAM | SOCK.CLOEXEC, protocol: 0 },
    'open a socket to speak to the network interfaces',
    { as: 'interfaces' },
  )
  writer.child(
    { name: 'ioctl', fd: from('interfaces'), request: IOCTL.SIOCSIFFLAGS, arg: loopbackUp() },
    'switch on the loopback interface',
  )
}

/** struct ifreq: 16 bytes of name, then the flags IFF_UP and IFF_RUNNING. */
function loopbackUp(): Uint8Array {
  const request = new Uint8Array(40)
  request.set([0x6c, 0x6f])
  request[16] = 0x41
  return request
}
