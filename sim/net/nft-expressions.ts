// Expressions of a rule of nf_tables as bytes. uapi/linux/netfilter/nf_tables.h

import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Expression, Loaded } from './firewall.ts'
import { attributeList, attributesOf, readBe32, words } from './netlink-bytes.ts'

const empty = new Uint8Array(0)
const metaKeys: Readonly<Record<number, Loaded>> = {
  6: { of: 'iifname' },
  7: { of: 'oifname' },
  15: { of: 'nfproto' },
  16: { of: 'l4proto' },
}

/** @errors ENOENT: the kernel has no such expression */
export function expressionsOf(bytes: Uint8Array): Expression[] | Denied {
  const expressions: Expression[] = []
  for (const { value } of attributeList(bytes)) {
    const parts = attributesOf(value)
    const made = expressionOf(words(parts.get(1) ?? empty), attributesOf(parts.get(2) ?? empty))
    if (isDenied(made)) return made
    if (made) expressions.push(made)
  }
  return expressions
}

const unknown = (what: string): Denied => deny('ENOENT', 'nf_tables', `nf_tables: ${what} is not modelled`)

function expressionOf(name: string, parts: Map<number, Uint8Array>): Expression | undefined | Denied {
  const number = (type: number): number => readBe32(parts.get(type) ?? new Uint8Array(4))
  const data = (type: number): Map<number, Uint8Array> => attributesOf(parts.get(type) ?? empty)
  switch (name) {
    case 'meta': {
      const what = metaKeys[number(2)]
      return what ? { do: 'load', what, register: number(1) } : unknown(`meta ${number(2)}`)
    }
    case 'cmp': {
      const how = number(2)
      if (how > 1) return unknown(`cmp ${how}`)
      return { do: 'compare', register: number(1), equal: how === 0, value: (data(3).get(1) ?? empty).slice() }
    }
    case 'payload': {
      const of = number(2) === 1 ? 'network' : number(2) === 2 ? 'transport' : undefined
      if (of === undefined) return unknown(`payload of base ${number(2)}`)
      return { do: 'load', register: number(1), what: { of, offset: number(3), length: number(4) } }
    }
    case 'fib':
      return { do: 'load', register: number(1), what: { of: 'fibtype' } }
    case 'ct':
      return number(2) === 2
        ? { do: 'load', register: number(1), what: { of: 'ctstatus' } }
        : unknown(`ct ${number(2)}`)
    case 'bitwise':
      return { do: 'mask', register: number(1), mask: (data(4).get(1) ?? empty).slice() }
    case 'immediate': {
      const verdict = data(2).get(2)
      if (verdict === undefined)
        return { do: 'immediate', register: number(1), value: (data(2).get(1) ?? empty).slice() }
      const its = attributesOf(verdict)
      const chain = its.get(2)
      return { do: 'verdict', code: readBe32(its.get(1) ?? new Uint8Array(4)) | 0, chain: chain && words(chain) }
    }
    case 'nat':
      if (number(1) !== 1) return unknown('source translation to a given address')
      return { do: 'dnat', address: number(3), port: parts.has(5) ? number(5) : undefined }
    case 'masq':
      return { do: 'masquerade' }
    case 'counter':
      return undefined
  }
  return unknown(`the expression ${name}`)
}
