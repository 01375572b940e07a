// Properties of the unit that annotations give: org.systemd.property.NAME, with a value in GVariant's text format. runc's
// docs/systemd.md, crun(1); gvariant-text(7).

import type { Variant } from '../dbus/signature.ts'
import { UserError } from '../errors.ts'
import type { Property } from './properties.ts'

const prefix = 'org.systemd.property.'
/** GVariant's keywords for types, as D-Bus has them. */
const keywords: Readonly<Record<string, string>> = {
  byte: 'y',
  int16: 'n',
  uint16: 'q',
  int32: 'i',
  uint32: 'u',
  int64: 'x',
  uint64: 't',
  double: 'd',
  boolean: 'b',
  string: 's',
  objectpath: 'o',
  signature: 'g',
}
const quoted = /^'(?:[^'\\]|\\.)*'|^"(?:[^"\\]|\\.)*"/s

function textOf(given: string): string | undefined {
  const [whole] = quoted.exec(given) ?? []
  return whole === given ? given.slice(1, -1).replace(/\\(.)/gs, '$1') : undefined
}

/** `['a', 'b']` */
function listOf(given: string): string[] | undefined {
  if (!given.startsWith('[') || !given.endsWith(']')) return undefined
  const texts: string[] = []
  for (let rest = given.slice(1, -1).trim(); rest !== ''; ) {
    const [whole] = quoted.exec(rest) ?? []
    const text = whole === undefined ? undefined : textOf(whole)
    if (text === undefined) return undefined
    texts.push(text)
    rest = rest.slice(whole!.length).trim()
    if (rest !== '' && !rest.startsWith(',')) return undefined
    rest = rest.slice(1).trim()
  }
  return texts
}

function variantOf(given: string): Variant | undefined {
  if (given === 'true' || given === 'false') return { signature: 'b', value: given === 'true' }
  const text = textOf(given)
  if (text !== undefined) return { signature: 's', value: text }
  const list = listOf(given)
  if (list !== undefined) return { signature: 'as', value: list }
  const [, keyword, written = ''] = /^(?:([a-z]+\d*) +)?(.+)$/s.exec(given) ?? []
  const signature = keyword === undefined ? (/^-?\d+$/.test(given) ? 'i' : undefined) : keywords[keyword]
  if (signature === undefined) return undefined
  if ('sogb'.includes(signature)) {
    const inner = variantOf(written)
    return inner === undefined || (inner.signature === 'b') !== (signature === 'b')
      ? undefined
      : { ...inner, signature }
  }
  if (signature === 'd') return Number.isFinite(Number(written)) ? { signature, value: Number(written) } : undefined
  if (!/^-?\d{1,20}$/.test(written)) return undefined
  return { signature, value: 'xt'.includes(signature) ? BigInt(written) : Number(written) }
}

/**
 * A name that ends in `Sec` stands for systemd's `USec`, in seconds, as in a unit's file.
 *
 * @errors UserError for a value that is none
 */
export function annotatedProperties(annotations: Readonly<Record<string, string>> = {}): Property[] {
  return Object.entries(annotations).flatMap(([key, given]): Property[] => {
    if (!key.startsWith(prefix)) return []
    const name = key.slice(prefix.length)
    const value = variantOf(given.trim())
    if (value === undefined || !/^[A-Z]\w+$/.test(name))
      throw new UserError(`annotation ${key}: ${given}: must be like uint64 5000000, 'text', ['text'], true or 5`)
    if (!/(?<!U)Sec$/.test(name) || !'iuxtnq'.includes(value.signature)) return [[name, value]]
    const usec = BigInt(value.value as number | bigint) * 1_000_000n
    return [[`${name.slice(0, -'Sec'.length)}USec`, { signature: 't', value: usec }]]
  })
}
