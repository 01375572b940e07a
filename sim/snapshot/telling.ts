// What closures are made of. The build rewrites the kernel so that each closure answers what it has caught when it is asked, and
// can be made again from that (scripts/telling); unbuilt, the kernel knows none, and no machine can be taken.

/** What a closure has caught, and the name of the place in the sources that makes such ones. */
export interface Told {
  readonly place: string
  readonly caught: readonly unknown[]
}

type Make = (...caught: never[]) => object

/** Called by code that was rewritten. */
export const telling = {
  /** Whoever is called now answers what it is made of, and does nothing. */
  on: false,
  caught: undefined as readonly unknown[] | undefined,
  tell(caught: readonly unknown[]): undefined {
    telling.caught = caught
  },
  /** By module: which text it was, what stands at its top, and what makes its closures. */
  register(
    module: string,
    sum: number,
    values: Readonly<Record<string, unknown>>,
    makers: Readonly<Record<string, Make>>,
  ): void {
    modules.set(module, values)
    sums.set(module, sum)
    for (const [place, make] of Object.entries(makers)) places.set(place, make)
  },
}

const modules = new Map<string, Readonly<Record<string, unknown>>>()
const sums = new Map<string, number>()
const places = new Map<string, Make>()

/** Any argument that may be taken apart. */
const anything: object = new Proxy(
  {},
  {
    get: (_, key) => (key === Symbol.iterator ? [][Symbol.iterator].bind(eightTimes()) : anything),
  },
)
function eightTimes(): unknown[] {
  return Array.from({ length: 8 }, () => anything)
}

/** Undefined: a function that cannot tell, which has not been called. */
export function ask(closure: object): Told | undefined {
  const { name } = closure as { name: unknown }
  if (typeof name !== 'string' || !places.has(name)) return undefined
  telling.on = true
  telling.caught = undefined
  try {
    ;(closure as (...given: unknown[]) => unknown)(anything, anything, anything, anything, anything, anything)
  } finally {
    telling.on = false
  }
  const { caught } = telling
  return caught && { place: name, caught }
}

/** @errors Error for a place that this build does not have */
export function makeClosure({ place, caught }: Told): object {
  const make = places.get(place)
  if (!make) throw new Error(`no closure is made at ${place}`)
  return (make as (...given: readonly unknown[]) => object)(...caught)
}

/** Which sources this build was made of: a state is restored by the same alone. All modules have to be there by now. */
export const buildKey = (): string =>
  [...sums.keys()]
    .sort()
    .reduce((all, module) => Math.imul(all ^ sums.get(module)!, 0x01000193) + module.length, 7)
    .toString(36)

/** Whether the kernel was rewritten at all. */
export const isTellable = (): boolean => places.size > 0

/** What is the same in every machine: all that stands at the top of a module, and what hangs on it, by a name of its own. */
export interface Fixed {
  readonly names: ReadonlyMap<object, string>
  readonly values: ReadonlyMap<string, object>
  /** By their prototype. */
  readonly classes: ReadonlyMap<object, string>
  readonly prototypes: ReadonlyMap<string, object>
  /** The prototypes that those have which have names. */
  readonly kinds: ReadonlySet<object | null>
}

/** All modules have to be there by now. */
export function fixedThings(): Fixed {
  const names = new Map<object, string>()
  const values = new Map<string, object>()
  const classes = new Map<object, string>()
  const prototypes = new Map<string, object>()
  const add = (name: string, value: unknown): void => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || names.has(value)) return
    names.set(value, name)
    values.set(name, value)
    const { prototype } = value as { prototype?: object }
    if (typeof value === 'function' && prototype && Object.hasOwn(value, 'prototype')) {
      classes.set(prototype, name)
      prototypes.set(name, prototype)
      add(`${name}.prototype`, prototype)
    }
    if (value instanceof Map) for (const [key, one] of value) add(`${name}<${String(key)}>`, one)
    else if (value instanceof Set) for (const [at, one] of [...value].entries()) add(`${name}<${at}>`, one)
    else if (!ArrayBuffer.isView(value))
      for (const key of Object.keys(value)) add(`${name}.${key}`, (value as Record<string, unknown>)[key])
  }
  for (const [module, own] of modules) for (const [name, value] of Object.entries(own)) add(`${module}:${name}`, value)
  const kinds = new Set([...names.keys()].map((object) => Object.getPrototypeOf(object) as object | null))
  return { names, values, classes, prototypes, kinds }
}
