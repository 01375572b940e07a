// Whether what a kernel gave is what is written: numbers that stand for something are bound, and what is left out is not asked.

import { actualPidText, type Names, samePort } from './names.ts'
import { capabilitySet, nameOfBytes, numberIn, signalSet } from './number.ts'
import { clockFamily } from './structs.ts'
import type { Value } from './value.ts'

/** Fields whose numbers stand for something. */
const inodeFields = /^(st|stx|d)_ino$/
const capabilityFields = /^(effective|permitted|inheritable)$/
const pidFields = /^(si_pid|pid|l_pid|si_tid)$/
const portFields = /^sin6?_port$/
/** Apart from ports of TCP and UDP. */
const netlinkPort = (number: bigint): bigint => BigInt.asUintN(32, number) + 2n ** 32n
const fdFields = /^(fd|ssi_fd|pipefd)$/
/** Never the same twice. */
const ignored =
  /^(d_off|d_reclen|st_[amc]time(_nsec)?|stx_[abcm]time|st_dev|stx_dev_(major|minor)|stx_mnt_id|si_[us]time|(msg|shm|sem)_[acdors]time)$/

/** What a log says of its machine's file systems, sizes of directories and kernel. */
const ofMachine =
  /^(stx?_(blksize|blocks|nlink|attributes|attributes_mask|mask|dio_.*|subvol|atomic.*)|f_(bsize|blocks|bfree|bavail|files|ffree|fsid|namelen|frsize|flags)|release|version|machine|domainname|d_ino|d_type|tv_sec|tv_nsec)$/

/** Whether an actual value is the written one, as far as that says; `field` is the name of where it stands. */
export function agrees(written: Value, actual: Value, names: Names, field = ''): boolean {
  if (written.kind === 'anything' || written.kind === 'raw' || ignored.test(field)) return true
  if (names.elsewhere && ofMachine.test(field)) return true
  if (written.kind === 'change') return agrees(written.after, actual, names, field)
  if (written.kind === 'named') return agrees(written.value, actual, names, field)
  if (written.kind === 'string') return actual.kind !== 'string' || sameText(written, actual, names)
  if (written.kind === 'struct') return actual.kind !== 'struct' || sameFields(written, actual, names)
  if (written.kind === 'list') return sameList(written, actual, names, field)
  const ofSet = capabilityFields.test(field)
  const [wanted, got] = [ofSet ? capabilitySet(written) : numberIn(written), numberIn(actual)]
  if (wanted !== undefined && got !== undefined) return sameNumber(wanted, got, names, field)
  if (written.kind === 'join' || written.kind === 'apply') return sameExpression(written, actual)
  return wanted !== undefined || written.kind !== 'name' || actual.kind !== 'name' || written.name === actual.name
}

function sameNumber(wanted: bigint, got: bigint, names: Names, field: string): boolean {
  if (inodeFields.test(field)) return names.inodes.same(wanted, got)
  // 0 is a process that is not seen from here.
  if (pidFields.test(field)) return wanted <= 0n || got <= 0n ? wanted === got : names.pids.same(wanted, got)
  if (portFields.test(field)) return samePort(names, wanted, got)
  if (field === 'nl_pid') return wanted <= 0n || got <= 0n || samePort(names, netlinkPort(wanted), netlinkPort(got))
  if (fdFields.test(field)) return names.files.numbers.same(wanted, got)
  return wanted === got
}

function sameText(
  written: Extract<Value, { kind: 'string' }>,
  actual: Extract<Value, { kind: 'string' }>,
  names: Names,
): boolean {
  const [wanted, got] = [nameOfBytes(written.bytes), nameOfBytes(actual.bytes)]
  const namespace = /^(\w+):\[(\d+)\]$/
  const [wantedLink, gotLink] = [namespace.exec(wanted), namespace.exec(got)]
  if (wantedLink && gotLink)
    return wantedLink[1] === gotLink[1] && names.inodes.same(BigInt(wantedLink[2]!), BigInt(gotLink[2]!))
  const length = written.cut ? written.bytes.length : actual.bytes.length
  return (
    written.bytes.length <= actual.bytes.length &&
    (written.cut || written.bytes.length === actual.bytes.length) &&
    written.bytes.every(
      // What strace has left out of a string that was written is zeros here: in a log nobody knows what was read again.
      (byte, at) => at >= length || byte === actual.bytes[at] || (names.elsewhere === true && actual.bytes[at] === 0),
    )
  )
}

function sameFields(
  written: Extract<Value, { kind: 'struct' }>,
  actual: Extract<Value, { kind: 'struct' }>,
  names: Names,
): boolean {
  const isDirectory = names.elsewhere && /S_IFDIR/.test(words(written))
  const isSameFile = sameFile(written, actual, names)
  if (names.elsewhere && isSameFile === false) return false
  return written.fields.every(({ name, value }, index) => {
    if (names.elsewhere && inodeFields.test(name)) return true
    if (isDirectory && /^stx?_size$/.test(name)) return true
    // Members without a name stand in order.
    const same = actual.fields[index]
    const found = name === '' && same?.name === '' ? same : actual.fields.find((other) => other.name === name)
    // The machine that a log comes from had a name of its own.
    if (names.elsewhere && name === 'nodename' && found && printed(found.value) === firstHostName) return true
    if (found === undefined || agrees(value, found.value, names, name)) return true
    return inodeFields.test(name) && isSameFile === true
  })
}

/** Files of several file systems may have the same number: with it goes that of the file system, where it is told. */
function sameFile(
  written: Extract<Value, { kind: 'struct' }>,
  actual: Extract<Value, { kind: 'struct' }>,
  names: Names,
): boolean | undefined {
  const number = (value: Extract<Value, { kind: 'struct' }>, name: string): bigint | undefined => {
    const field = value.fields.find((one) => one.name === name)?.value
    return field && numberIn(field)
  }
  const whole = (value: Extract<Value, { kind: 'struct' }>): bigint | undefined => {
    const device = number(value, 'st_dev') ?? number(value, 'stx_dev_minor')
    const inode = number(value, 'st_ino') ?? number(value, 'stx_ino')
    return device === undefined || inode === undefined ? undefined : ((device + 1n) << 64n) | inode
  }
  const [wanted, got] = [whole(written), whole(actual)]
  return wanted === undefined || got === undefined ? undefined : names.inodes.same(wanted, got)
}

/** The kind of file in a struct stat, as it is written. */
function words(written: Extract<Value, { kind: 'struct' }>): string {
  const mode = written.fields.find(({ name }) => name === 'st_mode' || name === 'stx_mode')?.value
  const number = mode && numberIn(mode)
  return number !== undefined && (number & 0o170000n) === 0o040000n ? 'S_IFDIR' : ''
}

function sameList(written: Extract<Value, { kind: 'list' }>, actual: Value, names: Names, field: string): boolean {
  if (actual.kind !== 'list') return written.items.length !== 1 || agrees(written.items[0]!, actual, names, field)
  if (names.elsewhere && isListing(written) && isListing(actual)) return sameNames(written, actual)
  const [wanted, got] = [signalSet(written), signalSet(actual)]
  if (wanted !== undefined && got !== undefined && written.items.length > 0) return wanted === got
  if (written.open ? written.items.length > actual.items.length : written.items.length !== actual.items.length)
    return false
  return written.items.every((item, index) => agrees(item, actual.items[index]!, names, field))
}

/** What signalfd(2) gives: numbers of processes stand in it. */
export function sameSignals(written: Uint8Array, actual: Uint8Array): boolean {
  const byteCount = 128
  if (actual.length === 0 || actual.length % byteCount !== 0) return false
  for (let at = 0; at < written.length; at++) if (at % byteCount < 12 && written[at] !== actual[at]) return false
  return true
}

const nameIn = (item: Value): string | undefined => {
  const name = item.kind === 'struct' ? item.fields.find((field) => field.name === 'd_name')?.value : undefined
  return name?.kind === 'string' ? nameOfBytes(name.bytes) : undefined
}
const isListing = (value: Extract<Value, { kind: 'list' }>): boolean =>
  value.items.length > 0 && nameIn(value.items[0]!) !== undefined

/** Each file system has an order of its own. */
function sameNames(written: Extract<Value, { kind: 'list' }>, actual: Extract<Value, { kind: 'list' }>): boolean {
  const sorted = ({ items }: Extract<Value, { kind: 'list' }>) =>
    items
      .map((item) => nameIn(item) ?? '')
      .sort()
      .join('/')
  return sorted(written) === sorted(actual)
}

/** `WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL`; whether there was a core file says nothing. */
function sameExpression(written: Value, actual: Value): boolean {
  return plain(written) === plain(actual)
}

function plain(value: Value): string {
  if (value.kind === 'join') {
    const parts = value.parts.map(plain).filter((part) => part !== 'WCOREDUMP(s)')
    return parts.join(value.operator)
  }
  if (value.kind === 'string') return JSON.stringify(nameOfBytes(value.bytes))
  if (value.kind === 'apply') return `${value.name}(${value.args.map(plain).join()})`
  const number = numberIn(value)
  return number === undefined ? (value.kind === 'name' ? value.name : value.kind) : String(number)
}

/** The text of cgroup.procs and its kin: the same numbers, in whatever order. */
export function samePids(written: Value, actual: Value, names: Names): boolean {
  if (written.kind !== 'string' || actual.kind !== 'string') return true
  const sorted = (text: string) => text.split('\n').filter(Boolean).sort().join(' ')
  return sorted(actualPidText(names, nameOfBytes(written.bytes))) === sorted(nameOfBytes(actual.bytes))
}

const timeSlackSeconds = 60n

/** Whether a clock says what is written, once both are known to differ by so much: the same shift from then on. */
export function sameTime(written: Value, actual: Value, clock: number, names: Names): boolean {
  const seconds = (value: Value): bigint | undefined =>
    value.kind === 'struct' ? numberIn(value.fields.find(({ name }) => name === 'tv_sec')?.value ?? value) : undefined
  const [wanted, got] = [seconds(written), seconds(actual)]
  const isProcessor = clock < 0 || clock === 2 || clock === 3
  if (wanted === undefined || got === undefined || isProcessor) return true
  const family = clockFamily(clock)
  if (!names.clocks.has(family)) names.clocks.set(family, got - wanted)
  const off = got - wanted - names.clocks.get(family)!
  return off < timeSlackSeconds && off > -timeSlackSeconds
}

/** The simulated machine's, until somebody sets it. */
const firstHostName = 'machine'
const printed = (value: Value): string => (value.kind === 'string' ? nameOfBytes(value.bytes) : '')
