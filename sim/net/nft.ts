// nf_tables by netlink: one transaction after another, each as a whole or not at all. uapi/linux/netfilter/nf_tables.h

import type { NetNamespace } from '../ns/net.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import { type Chain, Firewall, type HookName, type Table } from './firewall.ts'
import { attribute, attributesOf, join, type NetlinkMessage, NLM_F, readBe32, text, words } from './netlink-bytes.ts'
import { type Answer, needsNetAdmin } from './netlink-socket.ts'
import { expressionsOf } from './nft-expressions.ts'

const subsystem = 10
const BATCH = { BEGIN: 16, END: 17 } as const
const MSG = {
  NEWTABLE: 0,
  GETTABLE: 1,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  DELCHAIN: 5,
  NEWRULE: 6,
  GETRULE: 7,
  DELRULE: 8,
} as const
const hooks: readonly HookName[] = ['prerouting', 'input', 'forward', 'output', 'postrouting']
const families: ReadonlySet<number> = new Set([1, 2, 10])

const missing = (what: string): Denied => deny('ENOENT', 'nf_tables', `nf_tables: there is no ${what}`)

/** Which requests are answered, and with what: those of a transaction that is refused are told, and change nothing. */
export function answerNftables(
  task: Task,
  namespace: NetNamespace,
  requests: readonly NetlinkMessage[],
): ReadonlyMap<NetlinkMessage, Answer> {
  const answers = new Map<NetlinkMessage, Answer>()
  let draft: Firewall | undefined
  let failed = false
  for (const request of requests) {
    const { type } = request
    if (type === BATCH.BEGIN || type === BATCH.END) {
      const refusal = needsNetAdmin(task, namespace)
      if (refusal) {
        answers.set(request, refusal)
        return answers
      }
      if (type === BATCH.BEGIN) {
        draft = copyOf(namespace.firewall)
        failed = false
      } else {
        if (!failed && draft) namespace.firewall = draft.tables.size > 0 ? draft : undefined
        draft = undefined
      }
      if (request.flags & NLM_F.ACK) answers.set(request, undefined)
      continue
    }
    if (type >> 8 !== subsystem) {
      answers.set(request, deny('EINVAL', 'nf_tables', 'nf_tables: of netfilter only nf_tables is modelled'))
      continue
    }
    const message = type & 255
    if (message === MSG.GETTABLE || message === MSG.GETCHAIN || message === MSG.GETRULE) {
      answers.set(request, needsNetAdmin(task, namespace) ?? look(namespace.firewall, message, request))
      continue
    }
    const answer = draft
      ? apply(draft, message, request)
      : deny('EINVAL', 'nf_tables', 'nf_tables: changes stand between the beginning and the end of a transaction')
    if (isDenied(answer)) failed = true
    if (isDenied(answer) || request.flags & NLM_F.ACK) answers.set(request, answer)
  }
  return answers
}

/** Rules and expressions never change, so they are shared. */
function copyOf(firewall: Firewall | undefined): Firewall {
  const copy = new Firewall()
  for (const [key, { name, family, chains }] of firewall?.tables ?? []) {
    const copied = new Map<string, Chain>()
    for (const [chainName, chain] of chains) copied.set(chainName, { ...chain, rules: [...chain.rules] })
    copy.tables.set(key, { name, family, chains: copied })
  }
  return copy
}

interface Named {
  readonly key: string
  readonly family: number
  readonly attributes: Map<number, Uint8Array>
  readonly table: string
}

function namedBy({ body }: NetlinkMessage): Named {
  const attributes = attributesOf(body.subarray(4))
  const table = words(attributes.get(1) ?? new Uint8Array(0))
  return { family: body[0]!, key: `${body[0]} ${table}`, attributes, table }
}

function look(firewall: Firewall | undefined, message: number, request: NetlinkMessage): Answer {
  const { key, table } = namedBy(request)
  const dump = (request.flags & NLM_F.DUMP) === NLM_F.DUMP
  const describe = ({ name, family, chains }: Table): Uint8Array =>
    join([Uint8Array.of(family, 0, 0, 0), attribute(1, text(name)), attribute(3, Uint8Array.of(0, 0, 0, chains.size))])
  const type = subsystem << 8
  if (message !== MSG.GETTABLE)
    return dump
      ? { type, bodies: [], dump }
      : deny('EOPNOTSUPP', 'nf_tables', 'nf_tables: only tables can be asked for')
  if (dump) return { type, bodies: Array.from(firewall?.tables.values() ?? [], describe), dump }
  const found = firewall?.tables.get(key)
  return found ? { type, bodies: [describe(found)], dump } : missing(`table ${table}`)
}

function apply(firewall: Firewall, message: number, request: NetlinkMessage): Denied | undefined {
  const named = namedBy(request)
  const { key, family, table, attributes } = named
  if (!families.has(family))
    return deny('EOPNOTSUPP', 'nf_tables', 'nf_tables: tables of the families inet, ip and ip6 are modelled')
  const found = firewall.tables.get(key)
  if (message === MSG.NEWTABLE) {
    if (found && request.flags & NLM_F.EXCL) return deny('EEXIST', 'nf_tables', `nf_tables: there is a table ${table}`)
    if (found === undefined) firewall.tables.set(key, { name: table, family, chains: new Map() })
    return undefined
  }
  if (message === MSG.DELTABLE && table === '') {
    firewall.tables.clear()
    return undefined
  }
  if (found === undefined) return missing(`table ${table}`)
  switch (message) {
    case MSG.DELTABLE:
      firewall.tables.delete(key)
      return undefined
    case MSG.NEWCHAIN:
      return newChain(found, attributes, request)
    case MSG.DELCHAIN:
      return removeChain(found, words(attributes.get(3) ?? new Uint8Array(0)))
    case MSG.NEWRULE:
    case MSG.DELRULE:
      return changeRules(firewall, found, attributes, request, message === MSG.NEWRULE)
  }
  return deny('EOPNOTSUPP', 'nf_tables', `nf_tables: messages of type ${message} are not modelled`)
}

function newChain(table: Table, attributes: Map<number, Uint8Array>, { flags }: NetlinkMessage): Denied | undefined {
  const name = words(attributes.get(3) ?? new Uint8Array(0))
  if (table.chains.has(name))
    return flags & NLM_F.EXCL ? deny('EEXIST', 'nf_tables', `nf_tables: there is a chain ${name}`) : undefined
  const hookBytes = attributes.get(4)
  const its = hookBytes && attributesOf(hookBytes)
  const at = its && hooks[readBe32(its.get(1) ?? new Uint8Array(0))]
  if (its && at === undefined) return deny('EINVAL', 'nf_tables', 'nf_tables: there is no such hook')
  const hook = its && {
    at: at!,
    priority: readBe32(its.get(2) ?? new Uint8Array(4)) | 0,
    type: words(attributes.get(7) ?? text('filter')),
  }
  const policy = attributes.get(5)
  table.chains.set(name, { name, hook, rules: [], policy: policy && readBe32(policy) === 0 ? 'drop' : 'accept' })
  return undefined
}

function removeChain(table: Table, name: string): Denied | undefined {
  const chain = table.chains.get(name)
  if (chain === undefined) return missing(`chain ${name}`)
  const busy = chain.rules.length > 0 || jumps(table, name)
  if (busy) return deny('EBUSY', 'nf_tables', `nf_tables: the chain ${name} has rules, or is jumped to`)
  table.chains.delete(name)
  return undefined
}

function jumps(table: Table, name: string): boolean {
  for (const { rules } of table.chains.values())
    for (const { expressions } of rules)
      if (expressions.some((each) => each.do === 'verdict' && each.chain === name)) return true
  return false
}

function changeRules(
  firewall: Firewall,
  table: Table,
  attributes: Map<number, Uint8Array>,
  { flags }: NetlinkMessage,
  adds: boolean,
): Denied | undefined {
  const name = attributes.get(2)
  const chain = name && table.chains.get(words(name))
  if (name && chain === undefined) return missing(`chain ${words(name)}`)
  if (!adds) {
    const handle = attributes.get(3)
    const wanted = handle && Number(new DataView(handle.buffer, handle.byteOffset, 8).getBigUint64(0))
    for (const each of chain ? [chain] : table.chains.values()) {
      const kept = wanted === undefined ? [] : each.rules.filter((rule) => rule.handle !== wanted)
      if (wanted !== undefined && kept.length === each.rules.length) return missing(`rule ${wanted}`)
      each.rules = kept
    }
    return undefined
  }
  if (chain === undefined) return missing('chain')
  const expressions = expressionsOf(attributes.get(4) ?? new Uint8Array(0))
  if (isDenied(expressions)) return expressions
  for (const each of expressions)
    if (each.do === 'verdict' && each.chain !== undefined && !table.chains.has(each.chain))
      return missing(`chain ${each.chain}`)
  const rule = { expressions, handle: firewall.nextHandle() }
  if (flags & NLM_F.APPEND) chain.rules.push(rule)
  else chain.rules.unshift(rule)
  return undefined
}
