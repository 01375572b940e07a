// The devices controller of version 1: a default, and exceptions to it; a child may never do more than its parent (V1-009).
// cgroup-v1/devices.rst, security/device_cgroup.c

import { capable } from '../../credentials.ts'
import { type Denied, deny, isDenied } from '../../outcome.ts'
import type { Task } from '../../task.ts'
import { type Cgroup, effectiveState, heldState } from '../cgroup.ts'
import type { At, CgroupFile, Controller } from '../controller.ts'
import type { DeviceAccess, DeviceUse } from '../device-access.ts'

interface Exception {
  readonly kind: 'b' | 'c'
  /** undefined is `*`. */
  readonly major: number | undefined
  readonly minor: number | undefined
  /** Bits of `deviceAccess`. */
  access: number
}

class Devices {
  readonly cgroup: Cgroup
  readonly parent: Devices | undefined
  allowsByDefault: boolean
  exceptions: Exception[]

  constructor(cgroup: Cgroup, parent: Devices | undefined) {
    this.cgroup = cgroup
    this.parent = parent
    this.allowsByDefault = parent?.allowsByDefault ?? true
    this.exceptions = (parent?.exceptions ?? []).map((each) => ({ ...each }))
  }

  allows(use: Exception): boolean {
    return this.allowsByDefault
      ? !this.exceptions.some((each) => overlaps(each, use))
      : this.exceptions.some((each) => covers(each, use))
  }

  add(exception: Exception): void {
    const same = this.exceptions.find((each) => sameDevices(each, exception))
    if (same) same.access |= exception.access
    else this.exceptions.push({ ...exception })
  }

  remove(exception: Exception): void {
    for (const each of this.exceptions) if (sameDevices(each, exception)) each.access &= ~exception.access
    this.exceptions = this.exceptions.filter(({ access }) => access !== 0)
  }
}

const sameDevices = (a: Exception, b: Exception): boolean =>
  a.kind === b.kind && a.major === b.major && a.minor === b.minor

const sameOrAny = (pattern: number | undefined, number: number | undefined): boolean =>
  pattern === undefined || pattern === number

/** All of a use lies in a pattern. match_exception() */
const covers = (pattern: Exception, use: Exception): boolean =>
  pattern.kind === use.kind &&
  sameOrAny(pattern.major, use.major) &&
  sameOrAny(pattern.minor, use.minor) &&
  (use.access & ~pattern.access) === 0

/** Some of a use lies in a pattern. match_exception_partial() */
const overlaps = (pattern: Exception, use: Exception): boolean =>
  pattern.kind === use.kind &&
  (pattern.major === undefined || use.major === undefined || pattern.major === use.major) &&
  (pattern.minor === undefined || use.minor === undefined || pattern.minor === use.minor) &&
  (use.access & pattern.access) !== 0

const letters = [
  ['r', 2],
  ['w', 4],
  ['m', 1],
] as const

const shownNumber = (number: number | undefined): string => (number === undefined ? '*' : String(number))

function list({ allowsByDefault, exceptions }: Devices): string {
  if (allowsByDefault) return 'a *:* rwm\n'
  return exceptions
    .map(({ kind, major, minor, access }) => {
      const words = letters.flatMap(([letter, bit]) => (access & bit ? [letter] : [])).join('')
      return `${kind} ${shownNumber(major)}:${shownNumber(minor)} ${words}\n`
    })
    .join('')
}

function parse(text: string): Exception | 'all' | Denied {
  const stripped = text.trim()
  if (stripped.startsWith('a')) return 'all'
  const parts = /^([bc])\s(\*|[0-9]+):(\*|[0-9]+)\s([rwm]{1,3})$/.exec(stripped)
  if (!parts) return deny('EINVAL', 'V1-009', 'devices: a, or: type major:minor access')
  const number = (word: string) => (word === '*' ? undefined : Number(word))
  const access = letters.reduce((sum, [letter, bit]) => (parts[4]!.includes(letter) ? sum | bit : sum), 0)
  return { kind: parts[1] as 'b' | 'c', major: number(parts[2]!), minor: number(parts[3]!), access }
}

function write({ state, cgroup, task }: At<Devices>, text: string, allow: boolean, controller: Controller<Devices>) {
  if (!capable(task.credentials, 'SYS_ADMIN', task.kernel.initial.user))
    return deny('EPERM', 'V1-009', 'devices: a change needs CAP_SYS_ADMIN in the initial user namespace')
  const wish = parse(text)
  if (wish === 'all') return setDefault(state, cgroup, allow)
  if (isDenied(wish)) return wish
  if (allow) return allowDevices(state, wish)
  if (state.allowsByDefault) state.add(wish)
  else state.remove(wish)
  for (const child of cgroup.children.values()) narrow(child, wish, controller)
  return undefined
}

function setDefault(state: Devices, cgroup: Cgroup, allow: boolean): Denied | undefined {
  if (cgroup.children.size > 0)
    return deny('EINVAL', 'V1-009', 'devices: the default cannot be changed while there are cgroups below')
  if (allow && state.parent?.allowsByDefault === false)
    return deny('EPERM', 'V1-009', 'devices.allow: the parent does not allow all')
  state.allowsByDefault = allow
  state.exceptions = allow ? (state.parent?.exceptions ?? []).map((each) => ({ ...each })) : []
  return undefined
}

function allowDevices(state: Devices, wish: Exception): Denied | undefined {
  const { parent } = state
  const no = () => deny('EPERM', 'V1-009', 'devices.allow: the parent does not allow it')
  if (state.allowsByDefault) {
    // What is allowed anyway is an exception less, unless the parent has it.
    if (parent?.allowsByDefault && parent.exceptions.some((each) => overlaps(each, wish))) return no()
    state.remove(wish)
    return undefined
  }
  if (parent && !parent.allows(wish)) return no()
  state.add(wish)
  return undefined
}

/** What a cgroup forbids is forbidden below as well. propagate_exception() */
function narrow(cgroup: Cgroup, wish: Exception, controller: Controller<Devices>): void {
  const state = heldState(cgroup, controller)!
  if (state.allowsByDefault && state.parent!.allowsByDefault) state.add(wish)
  else {
    state.remove(wish)
    state.exceptions = state.exceptions.filter((each) => state.parent!.allows(each))
  }
  for (const child of cgroup.children.values()) narrow(child, wish, controller)
}

export function makeDevices(access: DeviceAccess): Controller<Devices> {
  const files: readonly CgroupFile<Devices>[] = [
    { name: 'devices.allow', write: (at, text) => write(at, text, true, controller) },
    { name: 'devices.deny', write: (at, text) => write(at, text, false, controller) },
    { name: 'devices.list', read: ({ state }) => list(state) },
  ]
  const controller: Controller<Devices> = {
    name: 'devices',
    threaded: false,
    legacyFiles: files,
    online(cgroup, parent) {
      // Only on machines that have the controller, on version 1, there is a root of it.
      if (parent === undefined) access.judges.push((task, use) => judge(cgroup, controller, task, use))
      return new Devices(cgroup, parent)
    },
  }
  return controller
}

function judge(root: Cgroup, controller: Controller<Devices>, task: Task, use: DeviceUse): Denied | undefined {
  const state = effectiveState(task.cgroups.get(root.hierarchy)!, controller)
  const { major, minor, access } = use
  if (state.allows({ kind: use.kind === 'block' ? 'b' : 'c', major, minor, access })) return undefined
  return deny('EPERM', 'V1-009', `devices: the cgroup forbids the use of ${use.kind} device ${major}:${minor}`)
}
