// Small checkers that a table of fields is made of: each says where a value is wrong and what it must be.

import { UserError } from '../errors.ts'

/**
 * Looks at a value and throws when it is wrong.
 *
 * @param path - where the value stands: `linux.namespaces[2].type`
 * @errors UserError naming the path
 */
export type Check = (value: unknown, path: string) => void

export interface Field {
  readonly check: Check
  readonly required: boolean
}

export type Fields = Readonly<Record<string, Field>>

/** Refuses the value at a path. */
export function wrong(path: string, sentence: string): never {
  throw new UserError(path === '' ? sentence : `${path}: ${sentence}`)
}

export const required = (check: Check): Field => ({ check, required: true })
export const optional = (check: Check): Field => ({ check, required: false })

export const text: Check = (value, path) => {
  if (typeof value !== 'string') wrong(path, 'must be a string')
  if (value.includes('\0')) wrong(path, 'must not contain a NUL character')
}

export const filledText: Check = (value, path) => {
  text(value, path)
  if (value === '') wrong(path, 'must not be empty')
}

export const absolutePath: Check = (value, path) => {
  filledText(value, path)
  if (!(value as string).startsWith('/')) wrong(path, `must be an absolute path, not "${value}"`)
}

export const flag: Check = (value, path) => {
  if (typeof value !== 'boolean') wrong(path, 'must be true or false')
}

/** A whole number; bounds are inclusive. */
export function integer(minimum: number, maximum: number): Check {
  return (value, path) => {
    if (typeof value !== 'number' || !Number.isInteger(value)) wrong(path, 'must be a whole number')
    if (value < minimum) wrong(path, `must be at least ${minimum}, not ${value}`)
    if (value > maximum) wrong(path, `must be at most ${maximum}, not ${value}`)
  }
}

/** A string out of a set. @param noun - what it is: `namespace`. */
export function oneOf(noun: string, words: readonly string[]): Check {
  const known = new Set(words)
  return (value, path) => {
    text(value, path)
    if (!known.has(value as string)) wrong(path, `unknown ${noun} "${value}"`)
  }
}

export function list(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) wrong(path, 'must be a list')
    for (let index = 0; index < value.length; index++) check(value[index], `${path}[${index}]`)
  }
}

/** A list of strings that has at least one. */
export const filledTexts: Check = (value, path) => {
  list(text)(value, path)
  if ((value as readonly string[]).length === 0) wrong(path, 'must not be empty')
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const joined = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

/** An object whose keys are free. */
export function record(check: Check): Check {
  return (value, path) => {
    if (!isObject(value)) wrong(path, 'must be an object')
    for (const [name, item] of Object.entries(value)) check(item, joined(path, name))
  }
}

/** An object with known fields; fields that are not known are let through, as the OCI spec's "Extensibility" asks. */
export function object(fields: Fields): Check {
  const entries = Object.entries(fields)
  return (value, path) => {
    if (!isObject(value)) wrong(path, 'must be an object')
    for (const [name, field] of entries) {
      const item = value[name]
      if (item !== undefined) field.check(item, joined(path, name))
      else if (field.required) wrong(joined(path, name), 'is missing')
    }
  }
}

/** A check and, when it holds, further ones. */
export function all(...checks: readonly Check[]): Check {
  return (value, path) => {
    for (const check of checks) check(value, path)
  }
}
