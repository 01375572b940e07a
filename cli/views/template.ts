// `--format`: the part of Go's text/template that people give to podman: fields, json, join, len, lower, upper, table, range.

import { UserError } from '../../core/errors.ts'

type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly words: readonly string[] }
  | {
      readonly kind: 'range' | 'if'
      readonly words: readonly string[]
      readonly body: Node[]
      readonly otherwise: Node[]
    }

const fault = (template: string, what: string) => new UserError(`--format=${template}: ${what}`)

/** Words of an action; strings in double quotes are one word, with their quotes. */
function wordsOf(action: string): string[] {
  return action.match(/"(?:[^"\\]|\\.)*"|`[^`]*`|\S+/g) ?? []
}

function parse(template: string): Node[] {
  const root: Node[] = []
  const open: { node: Extract<Node, { body: Node[] }>; into: Node[] }[] = []
  let into = root
  let at = 0
  for (const match of template.matchAll(/\{\{(-?)\s*(.*?)\s*(-?)\}\}/gs)) {
    let text = template.slice(at, match.index)
    if (match[1] === '-') text = text.trimEnd()
    into.push({ kind: 'text', text })
    at = match.index + match[0].length
    if (match[3] === '-') while (/\s/.test(template[at] ?? '')) at++
    const [first = '', ...rest] = wordsOf(match[2]!)
    if (first === 'end') {
      if (open.pop() === undefined) throw fault(template, '{{end}} without a beginning')
      into = open.at(-1)?.into ?? root
    } else if (first === 'else' && rest.length === 0) {
      const top = open.at(-1)
      if (top === undefined) throw fault(template, '{{else}} without a beginning')
      into = top.node.otherwise
      top.into = into
    } else if (first === 'range' || first === 'if') {
      const node: Node = { kind: first, words: rest, body: [], otherwise: [] }
      into.push(node)
      open.push({ node, into: node.body })
      into = node.body
    } else if (['with', 'template', 'define', 'block', 'else', 'break', 'continue'].includes(first)) {
      throw fault(template, `{{${first}}} is Go's, and vitrine does not have it`)
    } else into.push({ kind: 'value', words: [first, ...rest] })
  }
  if (open.length > 0) throw fault(template, `{{${open[0]!.node.kind}}} without {{end}}`)
  into.push({ kind: 'text', text: template.slice(at) })
  return root
}

const show = (value: unknown): string => {
  if (value === undefined || value === null) return '<no value>'
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`
  if (typeof value === 'object') {
    return `map[${Object.entries(value)
      .map(([key, inner]) => `${key}:${show(inner)}`)
      .join(' ')}]`
  }
  return String(value)
}

export type Format = (data: unknown) => string

/** Compiles a template; what it does not know is refused by name. */
export function compileTemplate(template: string): Format {
  const unescaped = template.replace(/\\t/g, '\t').replace(/\\n/g, '\n')
  const nodes = parse(unescaped)
  const field = (dot: unknown, root: unknown, path: string): unknown => {
    let value = path.startsWith('$') ? root : dot
    for (const name of path.replace(/^\$/, '').split('.').filter(Boolean)) {
      if (value === null || typeof value !== 'object') throw fault(template, `there is no field ${path}`)
      const record = value as Record<string, unknown>
      if (!(name in record) && !Array.isArray(value)) throw fault(template, `there is no field ${path}`)
      value = record[name]
    }
    return value
  }
  const evaluate = (words: readonly string[], dot: unknown, root: unknown): unknown => {
    const pipes: string[][] = [[]]
    for (const word of words) word === '|' ? pipes.push([]) : pipes.at(-1)!.push(word)
    let piped: unknown
    for (const [index, [name = '', ...rest]] of pipes.entries()) {
      const operand = (word: string): unknown => {
        if (word.startsWith('.') || word.startsWith('$')) return field(dot, root, word)
        if (/^["`]/.test(word)) return word.startsWith('`') ? word.slice(1, -1) : JSON.parse(word)
        if (/^-?\d+$/.test(word)) return Number(word)
        throw fault(template, `unknown word ${word}`)
      }
      const operands = [...rest.map(operand), ...(index > 0 ? [piped] : [])]
      piped = /^[.$"`]/.test(name) && rest.length === 0 && index === 0 ? operand(name) : call(name, operands)
    }
    return piped
  }
  const call = (name: string, operands: readonly unknown[]): unknown => {
    const [first, second] = operands
    switch (name) {
      case 'json':
        return JSON.stringify(first)
      case 'join':
        return (first as unknown[]).map(show).join(String(second))
      case 'len':
        return Array.isArray(first) || typeof first === 'string' ? first.length : Object.keys(first as object).length
      case 'lower':
        return show(first).toLowerCase()
      case 'upper':
        return show(first).toUpperCase()
      case 'println':
        return `${operands.map(show).join(' ')}\n`
      case 'print':
        return operands.map(show).join('')
      case 'index':
        return operands.slice(1).reduce((value, key) => (value as Record<string, unknown>)?.[String(key)], first)
      case 'eq':
        return first === second
      case 'ne':
        return first !== second
      case 'not':
        return !truthy(first)
      default:
        throw fault(template, `there is no function ${name}`)
    }
  }
  const truthy = (value: unknown): boolean =>
    Array.isArray(value)
      ? value.length > 0
      : typeof value === 'object' && value
        ? Object.keys(value).length > 0
        : !!value
  const render = (list: readonly Node[], dot: unknown, root: unknown): string =>
    list
      .map((node) => {
        if (node.kind === 'text') return node.text
        const value = evaluate(node.words, dot, root)
        if (node.kind === 'value') return show(value)
        if (node.kind === 'if') return render(truthy(value) ? node.body : node.otherwise, dot, root)
        if (!truthy(value)) return render(node.otherwise, dot, root)
        return Object.values(value as object)
          .map((item) => render(node.body, item, root))
          .join('')
      })
      .join('')
  return (data) => render(nodes, data, data)
}

/** The fields of a `table {{.A}}\t{{.B}}` template, for its heading. */
export function tableTitles(template: string): string[] {
  return [...template.matchAll(/\{\{\s*\.?([A-Za-z.]+)\s*\}\}/g)].map((match) =>
    match[1]!.replace(/([a-z])([A-Z])/g, '$1 $2').toUpperCase(),
  )
}
