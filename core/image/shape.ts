// What JSON of others must look like before it is believed to be of a type. Null stands for what is not there, as Go's
// programs write and read it.

import type { ImageConfig } from '../spec/image-config.ts'

/** Says what is wrong with a value: `config.Env must be a list of texts`; undefined when nothing is. */
export type Shape = (value: unknown, at: string) => string | undefined

const must = (is: (value: unknown) => boolean, kind: string): Shape => {
  return (value, at) => (value === undefined || value === null || is(value) ? undefined : `${at} must be ${kind}`)
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** C's texts, which programs are given, end at the first NUL. */
export const text = must((value) => typeof value === 'string' && !value.includes('\0'), 'a text without NUL')
export const texts = must(
  (value) => Array.isArray(value) && value.every((one) => typeof one === 'string' && !one.includes('\0')),
  'a list of texts without NUL',
)
const flag = must((value) => typeof value === 'boolean', 'true or false')
/** Bytes: whole, and not so many that they cannot be counted. */
export const size = must((value) => Number.isSafeInteger(value) && (value as number) >= 0, 'a size')

/** Texts by any keys. */
export const textsByKey = must(
  (value) => isObject(value) && Object.values(value).every((one) => typeof one === 'string'),
  'an object of texts',
)
/** Keys that count, with values that do not. */
const keys = must((value) => isObject(value) && !Object.keys(value).some((key) => key.includes('\0')), 'an object')

/** Of the keys that are known; others may be anything. */
export function object(shapes: Readonly<Record<string, Shape>>): Shape {
  return (value, at) => {
    if (value === undefined || value === null) return undefined
    if (!isObject(value)) return `${at} must be an object`
    for (const [key, shape] of Object.entries(shapes)) {
      const wrong = shape(value[key], at === '' ? key : `${at}.${key}`)
      if (wrong !== undefined) return wrong
    }
    return undefined
  }
}

/** None of which may be absent. */
export function list(shape: Shape): Shape {
  return (value, at) => {
    if (value === undefined || value === null) return undefined
    if (!Array.isArray(value)) return `${at} must be a list`
    for (const [index, one] of value.entries()) {
      const place = `${at}[${index}]`
      const wrong = one === null ? `${place} must not be null` : shape(one, place)
      if (wrong !== undefined) return wrong
    }
    return undefined
  }
}

type Known<T> = Readonly<Record<keyof T, Shape>>

const execution: Known<Required<NonNullable<ImageConfig['config']>>> = {
  User: text,
  ExposedPorts: keys,
  Env: texts,
  Entrypoint: texts,
  Cmd: texts,
  Volumes: keys,
  WorkingDir: text,
  Labels: textsByKey,
  StopSignal: text,
}
const history: Known<Required<NonNullable<ImageConfig['history']>[number]>> = {
  created: text,
  created_by: text,
  author: text,
  comment: text,
  empty_layer: flag,
}
const configuration: Known<Required<Omit<ImageConfig, 'rootfs'>>> = {
  created: text,
  author: text,
  architecture: text,
  os: text,
  variant: text,
  'os.version': text,
  'os.features': texts,
  config: object(execution),
  history: list(object(history)),
}
/** OCI image spec 1.1, config.md. */
export const configShape = object(configuration)

const platform = object({ os: text, architecture: text, variant: text, 'os.version': text })
/** OCI image spec 1.1, descriptor.md. */
export const descriptorShape = object({
  mediaType: text,
  digest: text,
  size,
  urls: texts,
  annotations: textsByKey,
  platform,
  artifactType: text,
})
