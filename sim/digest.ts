// The state of a whole machine as a short text: equal machines have equal ones, and a machine that has another one has been
// changed. All objects that can be reached from the kernel are looked at in turn, so that nothing has to be listed here but
// what is no state: names that were walked to, files that were made to be looked at, numbers that were burnt (CLN-103).
//
// Fields that are private are seen by `hidden()` of their class. What only closures and running programs know is not seen.

import { CgroupFileInode } from './cgroup/file.ts'
import { Counters } from './counters.ts'
import { Kernel } from './kernel.ts'
import { ProgramImage } from './life/image.ts'
import { Mix } from './mix.ts'
import { IpcNamespace } from './ns/ipc.ts'
import { Namespace } from './ns/namespace.ts'
import { PidNamespace } from './ns/pid.ts'
import { Dentry } from './vfs/dentry.ts'
import { Inode } from './vfs/inode.ts'
import { OverlayInode } from './vfs/overlay-inode.ts'

/** Fields by whoever declares them; of `Object`, whoever has them. */
export type Fields = readonly [abstract new (...args: never[]) => object, readonly string[]]

export interface DigestOptions {
  /** Leaves more fields out. */
  readonly without?: readonly Fields[]
  /** Told each field that counts: its way from the kernel, and its value or the way to the object that it is. */
  readonly note?: (path: string, value: string) => void
  /** Told each object that is reached. */
  readonly meet?: (object: object) => void
}

/** Fields that are no state. */
const noState: readonly Fields[] = [
  [Kernel, ['config', 'slab', 'lastBorn', 'fileSystems', 'internalMounts']],
  // Taken by what is made at the first need as well: file systems of the kernel itself.
  [Counters, ['mounts', 'devices']],
  [PidNamespace, ['last']],
  [Namespace, ['file']],
  [Dentry, ['children']],
  [CgroupFileInode, ['file']],
  [OverlayInode, ['known']],
  // By `hidden()` they tell of what is in these.
  [IpcNamespace, ['queueMount']],
  [ProgramImage, ['space']],
]

/** Of a dentry whose name comes and goes by itself: that it is gone is seen when it is walked to. */
const volatile: ReadonlySet<string> = new Set(['children', 'deleted'])
/** Of what is in procfs: it is made to be that of its process when it is looked at. */
const ofProc: ReadonlySet<string> = new Set(['uid', 'gid'])

/** 16 hexadecimal digits that stand for the state of a machine. */
export function digest(kernel: Kernel, options: DigestOptions = {}): string {
  return new Walk(options).from(kernel)
}

class Walk {
  readonly #options: DigestOptions
  /** In the order in which they were met, and the number of each. */
  readonly #objects: object[] = []
  readonly #numbers = new Map<object, number>()
  readonly #ways: string[] = []
  readonly #skipped = new Map<unknown, ReadonlySet<string>>()
  readonly #mix = new Mix()

  constructor(options: DigestOptions) {
    this.#options = options
  }

  from(start: object): string {
    this.#meet(start, '')
    for (let at = 0; at < this.#objects.length; at++) this.#look(this.#objects[at]!, this.#ways[at] ?? '')
    return this.#mix.hex
  }

  #look(object: object, way: string): void {
    this.#options.meet?.(object)
    const name = object.constructor?.name ?? ''
    // A bundler calls a class that speaks of itself `_Name`.
    this.#mix.word(name.charCodeAt(0) === 0x5f ? name.slice(1) : name)
    if (object instanceof Map) {
      let place = 0
      for (const [key, value] of object) {
        const name = this.#options.note ? nameOf(key, place++) : ''
        this.#value(way, `${name} key`, key)
        this.#value(way, name, value)
      }
    } else if (object instanceof Set || Array.isArray(object)) {
      let place = 0
      for (const value of object) this.#value(way, this.#options.note ? `[${place++}]` : '', value)
    } else {
      const skipped = this.#skip(object)
      this.#fields(object, way, skipped)
      const { hidden } = object as { hidden?: unknown }
      if (typeof hidden === 'function') this.#fields((object as { hidden(): object }).hidden(), way, skipped)
    }
  }

  #fields(object: object, way: string, skipped: ReadonlySet<string>): void {
    for (const name of Object.keys(object)) {
      // As the build calls private fields, which `hidden()` has told of.
      if (skipped.has(name) || name.charCodeAt(0) === 0x24) continue
      const value = (object as Record<string, unknown>)[name]
      if (isAbsent(value)) continue
      this.#mix.word(name)
      this.#value(way, name, value)
    }
  }

  #value(way: string, name: string, value: unknown): void {
    this.#options.note?.(`${way}.${name}`, this.#shown(`${way}.${name}`, value))
    switch (typeof value) {
      case 'number':
        this.#mix.number(value)
        break
      case 'boolean':
        this.#mix.add(value ? 3 : 5)
        break
      case 'string':
        this.#mix.word(value)
        break
      case 'bigint':
        this.#mix.word(value.toString(36))
        break
      case 'object':
        if (value === null) this.#mix.add(7)
        else if (ArrayBuffer.isView(value)) this.#mix.bytes(value)
        else this.#mix.add(this.#meet(value, `${way}.${name}`))
        break
      default:
        this.#mix.add(11)
    }
  }

  #shown(path: string, value: unknown): string {
    if (typeof value !== 'object' || value === null) return typeof value === 'function' ? 'function' : String(value)
    if (ArrayBuffer.isView(value)) return `bytes ${String(value)}`
    const known = this.#numbers.get(value)
    return known === undefined ? `new ${value.constructor?.name}` : (this.#ways[known] ?? path)
  }

  /** The number of an object; one that is new is looked at later. */
  #meet(object: object, way: string): number {
    const known = this.#numbers.get(object)
    if (known !== undefined) return known
    const number = this.#objects.length
    this.#numbers.set(object, number)
    this.#objects.push(object)
    if (this.#options.note) this.#ways.push(way)
    return number
  }

  #skip(object: object): ReadonlySet<string> {
    if (object instanceof Dentry && object.parent?.inode.volatile) return volatile
    if (object instanceof Inode && object.superblock.type === 'proc') return ofProc
    const known = this.#skipped.get(object.constructor)
    if (known) return known
    const { without = [] } = this.#options
    const names = new Set(
      [...noState, ...without].flatMap(([whose, fields]) => (object instanceof whose ? fields : [])),
    )
    this.#skipped.set(object.constructor, names)
    return names
  }
}

/** What is not there yet, and what is empty, are the same: many things are made when they are first needed. */
function isAbsent(value: unknown): boolean {
  if (value === undefined || typeof value === 'function' || value instanceof WeakMap) return true
  if (value instanceof Map || value instanceof Set) return value.size === 0
  return Array.isArray(value) && value.length === 0
}

const nameOf = (key: unknown, place: number): string =>
  typeof key === 'object' || typeof key === 'function' ? `[${place}]` : `[${String(key)}]`
