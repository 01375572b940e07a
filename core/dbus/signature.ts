// Types of D-Bus and the values that stand for them here. D-Bus Specification, "Type System".

/** A value that carries its own type. */
export interface Variant {
  readonly signature: string
  readonly value: Value
}

/**
 * b: boolean; y n q i u d: number; x t: bigint; s o g: string; ay: bytes; other arrays, structs and dict entries: an array
 * of their parts; v: Variant.
 */
export type Value = boolean | number | bigint | string | Uint8Array | Variant | readonly Value[]

const containers: Readonly<Record<string, string>> = { '(': ')', '{': '}' }
const basic = 'ybnqiuxtdsog'

/** Where the complete type that begins at `at` ends. @errors Error for none */
function endOfType(signature: string, at: number): number {
  const code = signature[at]
  if (code === undefined) throw new Error(`signature ${signature}: ends too early`)
  if (code === 'a') return endOfType(signature, at + 1)
  if (code === 'v' || basic.includes(code)) return at + 1
  const last = containers[code]
  if (last === undefined) throw new Error(`signature ${signature}: there is no type ${code}`)
  let end = at + 1
  while (signature[end] !== last) end = endOfType(signature, end)
  return end + 1
}

/** The complete types of a signature, in their order: `sa(sv)` has `s` and `a(sv)`. @errors Error for none */
export function typesOf(signature: string): string[] {
  const types: string[] = []
  for (let at = 0; at < signature.length; ) {
    const end = endOfType(signature, at)
    types.push(signature.slice(at, end))
    at = end
  }
  return types
}

/** The types within a struct or a dict entry. */
export const fieldsOf = (type: string): string[] => typesOf(type.slice(1, -1))

/** How a type's values are aligned, in bytes. */
export function alignmentOf(type: string): number {
  const code = type[0]!
  if ('xtd({'.includes(code)) return 8
  if ('nq'.includes(code)) return 2
  return 'ygv'.includes(code) ? 1 : 4
}
