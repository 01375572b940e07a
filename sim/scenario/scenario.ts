// A scenario: the lines of `strace -f` output, with directives in comments. strace(1)

import { type Errno, errnoNumbers } from '../../core/errno.ts'
import { numberOf, Reader, Unreadable, type Value } from './value.ts'

/** What is written behind the equals sign. */
export type Expected =
  | {
      readonly kind: 'value'
      readonly value: bigint
      /** Of a new process: its number as strace saw it, when the caller saw another. */
      readonly outside?: number
      /** In parentheses behind the number: what poll(2) found, the flags of fcntl(2). */
      readonly note?: string
    }
  | { readonly kind: 'errno'; readonly errno: Errno }
  /** `?`: left out on purpose. */
  | { readonly kind: 'left out' }

interface At {
  /** Of the file, from 1. */
  readonly line: number
  /** As it is written, to be shown. */
  readonly text: string
}

export interface CallLine extends At {
  readonly kind: 'call'
  /** Which task; undefined where no number stands before the line. */
  readonly task: number | undefined
  readonly name: string
  readonly args: readonly Value[]
  readonly expected: Expected
  /** Index of the line where it began, when it waited: `<... resumed>`. */
  readonly begun?: number
}

/** `<unfinished ...>`: it begins here; its end is the `CallLine` whose `begun` is this one's index. */
export interface BeginLine extends At {
  readonly kind: 'begin'
  readonly task: number | undefined
  /** Index of the line where it ends; undefined when the log does not say. */
  end: number | undefined
  readonly name: string
  /** Those that are known here; the end has them all. */
  readonly args: readonly Value[]
}

export type Line =
  | CallLine
  | BeginLine
  /** `+++ exited with 0 +++`, `+++ killed by SIGKILL +++` */
  | (At & { readonly kind: 'end'; readonly task: number | undefined; readonly code?: number; readonly signal?: string })
  /** `--- SIGTERM {si_signo=SIGTERM, ...} ---` */
  | (At & {
      readonly kind: 'signal'
      readonly task: number | undefined
      readonly signal: string
      readonly info: Value | undefined
    })
  /** `# waits: [pid 7]`: its call has not ended here. */
  | (At & { readonly kind: 'waits'; readonly task: number | undefined })
  /** `# computes: [pid 3] [pid 4] for 1000 ms`: they do nothing but compute, at the same time. */
  | (At & { readonly kind: 'computes'; readonly tasks: readonly (number | undefined)[]; readonly milliseconds: number })
  /** `# between: "usage_usec" 400000 600000`: the number behind the word in what the call before has read. */
  | (At & { readonly kind: 'between'; readonly word: string; readonly least: number; readonly most: number })
  /** `# contains: "text"`, `# lacks: "text"`: what the call before has read. */
  | (At & { readonly kind: 'contains'; readonly lacks: boolean; readonly bytes: Uint8Array })
  /** Text that could not be read. */
  | (At & {
      readonly kind: 'unreadable'
      readonly reason: string
      /** It begins as a call does; otherwise it may be what the traced program has printed. */
      readonly call?: boolean
    })

/** `# differs: PID-101 on 6.12 -> = -1 EINVAL`: the next call's result, where a kernel differs from what is written. */
export interface Difference {
  readonly rule: string
  /** `6.12`, `>= 6.14`, `< 6.9`, or `sim`. */
  readonly on: string
  readonly expected: Expected
}

export interface Scenario {
  readonly lines: readonly Line[]
  /** `# rule: CLN-040` */
  readonly rules: readonly string[]
  /** `# kernel: >= 6.9` */
  readonly kernel: string | undefined
  /** `# needs: root, cgroup2, memory` */
  readonly needs: readonly string[]
  /** By index of the line that they are about. */
  readonly differences: ReadonlyMap<number, readonly Difference[]>
  /** `# cgroups: hybrid`: how the machine has mounted them. */
  readonly cgroups: 'v2' | 'v1' | 'hybrid'
  /** `# scenario: NAME`, or the comments before the first line. */
  readonly title: string
  /** Tasks whose lines come from files of their own, so that their order among each other is not known. */
  readonly tasks?: readonly number[]
}

/** The number of a task (-f), with its name (--decode-pids=comm); the time (-t, -tt, -ttt, -r); the call's number (-n), the address (-i). */
const before =
  /^(?:\[pid\s+(\d+)(?:<.*?>)?\]\s+|(\d+)(?:<.*?>)?\s+(?=\S))?(?:(?:\d\d:\d\d:\d\d(?:\.\d+)?|\d+\.\d{3,9})\s+)?(?:\(\+\s*\d+\.\d+\)\s+)?(?:\[[\s0-9a-f?]+\]\s+)*/

/** A whole file, where `# scenario: NAME` begins one; comments before the first of these are for all. */
export function parseScenarios(text: string): readonly Scenario[] {
  const lines = text.split('\n')
  const starts = lines.flatMap((line, index) => (/^#\s*scenario:/.test(line) ? [index] : []))
  if (starts.length === 0) return [parseScenario(text)]
  const head = lines.slice(0, starts[0])
  return starts.map((start, index) => {
    // Empty lines keep the numbers of the file.
    const gap = new Array<string>(start - head.length).fill('')
    return parseScenario([...head, ...gap, ...lines.slice(start, starts[index + 1])].join('\n'))
  })
}

export function parseScenario(text: string): Scenario {
  const parser = new Parser()
  // Without -o, strace says this in the midst of other lines.
  const lines = text.replace(/(?<!^)strace: Process \d+ attached\n/gm, '')
  for (const [index, line] of lines.split('\n').entries()) parser.line(line.replace(/\r$/, ''), index + 1)
  return parser.finished()
}

class Parser {
  readonly #lines: Line[] = []
  readonly #rules: string[] = []
  readonly #needs: string[] = []
  readonly #title: string[] = []
  readonly #differences = new Map<number, Difference[]>()
  /** By task: the text before `<unfinished ...>` and where that line stands. */
  readonly #unfinished = new Map<number | undefined, { text: string; index: number }>()
  #kernel: string | undefined
  #cgroups: Scenario['cgroups'] = 'v2'
  #name: string | undefined

  line(text: string, line: number): void {
    if (text.trim() === '') return
    if (text.trimStart().startsWith('#')) {
      this.#comment(text.trim(), line)
      return
    }
    try {
      this.#event(text.trim(), line)
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error
      this.#lines.push({ kind: 'unreadable', line, text, reason: error.message, call: isCall(text) })
    }
  }

  finished(): Scenario {
    return {
      lines: this.#lines,
      rules: this.#rules,
      kernel: this.#kernel,
      needs: this.#needs,
      differences: this.#differences,
      cgroups: this.#cgroups,
      title: this.#name ?? this.#title.join(' '),
    }
  }

  #comment(text: string, line: number): void {
    const directive =
      /^#\s*(rule|kernel|needs|cgroups|differs|waits|contains|lacks|computes|between|scenario):\s*(.*)$/.exec(text)
    if (directive === null) {
      if (this.#lines.length === 0) this.#title.push(text.replace(/^#+\s*/, ''))
      return
    }
    const [, word, rest] = directive as unknown as [string, string, string]
    if (word === 'rule') this.#rules.push(...rest.split(/[,\s]+/))
    else if (word === 'needs') this.#needs.push(...rest.split(/[,\s]+/))
    else if (word === 'kernel') this.#kernel = rest
    else if (word === 'cgroups') this.#cgroups = rest === 'v1' || rest === 'hybrid' ? rest : 'v2'
    else if (word === 'scenario') this.#name = rest
    else if (word === 'contains' || word === 'lacks') this.#contains(text, word, rest, line)
    else if (word === 'computes' || word === 'between') this.#measured(text.trim(), word, rest, line)
    else if (word === 'waits')
      this.#lines.push({ kind: 'waits', task: taskOf(/(\d+)/.exec(rest)?.[1]), line, text: text.trim() })
    else this.#differs(text, rest, line)
  }

  #measured(text: string, word: 'computes' | 'between', rest: string, line: number): void {
    const parts = word === 'computes' ? /^(.+) for (\d+) ms$/.exec(rest) : /^"([^"]+)" (\d+) (\d+)$/.exec(rest)
    if (parts === null)
      this.#lines.push({
        kind: 'unreadable',
        reason: `${word}: tasks and milliseconds, or a word and numbers`,
        line,
        text,
      })
    else if (word === 'between')
      this.#lines.push({
        kind: 'between',
        word: parts[1]!,
        least: Number(parts[2]),
        most: Number(parts[3]),
        line,
        text,
      })
    else {
      const tasks = [...parts[1]!.matchAll(/\d+/g)].map(([number]) => taskOf(number))
      this.#lines.push({ kind: 'computes', tasks, milliseconds: Number(parts[2]), line, text })
    }
  }

  #contains(text: string, word: string, rest: string, line: number): void {
    const at = { line, text }
    const value = rest.startsWith('"') ? new Reader(rest).value() : undefined
    if (value?.kind === 'string')
      this.#lines.push({ kind: 'contains', lacks: word === 'lacks', bytes: value.bytes, ...at })
    else this.#lines.push({ kind: 'unreadable', reason: 'expected a string in quotes', ...at })
  }

  #differs(text: string, rest: string, line: number): void {
    const parts = /^(\S+) on (.+?) -> (=.*)$/.exec(rest)
    if (parts === null) {
      this.#lines.push({ kind: 'unreadable', line, text, reason: 'expected `RULE on KERNEL -> = RESULT`' })
      return
    }
    const [, rule, on, result] = parts as unknown as [string, string, string, string]
    const known = this.#differences.get(this.#lines.length) ?? []
    this.#differences.set(this.#lines.length, [...known, { rule, on, expected: expectedOf(new Reader(result)) }])
  }

  #event(whole: string, line: number): void {
    // What strace says of itself, with or without -o, and the stack of a call (-k).
    if (/^strace: |^\[ Process PID=|^> \S+\(.*\[0x/.test(whole)) return
    const lead = before.exec(whole)!
    const task = taskOf(lead[1] ?? lead[2])
    const text = whole.slice(lead[0].length)
    const at = { line, text: whole }
    if (/^strace: |^\[ Process PID=/.test(text)) return
    const ended = /^\+\+\+ (?:exited with (\d+)|killed by (\w+)(?: \(core dumped\))?) \+\+\+$/.exec(text)
    if (ended)
      this.#lines.push({
        kind: 'end',
        task,
        ...at,
        ...(ended[1] === undefined ? { signal: ended[2]! } : { code: Number(ended[1]) }),
      })
    else if (text.startsWith('--- ')) this.#signal(text, task, at)
    else if (/^\+\+\+ superseded/.test(text)) return
    else this.#call(text, task, at)
  }

  #signal(text: string, task: number | undefined, at: At): void {
    const parts = /^--- (SIG\w+|stopped by (SIG\w+)) ?(\{.*\})? ?---$/.exec(text)
    if (parts === null) throw new Unreadable(0, '`--- SIGNAL {...} ---`')
    if (parts[2] !== undefined) return
    const info = parts[3] === undefined ? undefined : new Reader(parts[3]).value()
    this.#lines.push({ kind: 'signal', task, signal: parts[1]!, info, ...at })
  }

  #call(text: string, task: number | undefined, at: At): void {
    const unfinished = /^(.*?)\s*<(?:unfinished|detached) \.\.\.>(.*)$/.exec(text)
    if (unfinished && !text.startsWith('<...')) {
      const [, start] = unfinished as unknown as [string, string]
      // `read(0, <unfinished ...>) = ?`: it ended in the midst of it.
      if (/\)\s*=\s*\?/.test(unfinished[2]!)) {
        this.#lines.push(callOf(`${start}${unfinished[2]}`, task, at, undefined))
        return
      }
      this.#unfinished.set(task, { text: start, index: this.#lines.length })
      const { name, args } = callOf(`${closed(start)} = ?`, task, at, undefined)
      this.#lines.push({ kind: 'begin', task, end: undefined, name, args, ...at })
      return
    }
    const resumed = /^<\.\.\. (\w+) resumed>\s?(.*)$/.exec(text)
    if (!resumed) {
      this.#lines.push(callOf(text, task, at, undefined))
      return
    }
    // A task that is alone has no number before its lines.
    const [alone] = this.#unfinished.keys()
    const key = this.#unfinished.has(task)
      ? task
      : task === undefined && this.#unfinished.size === 1
        ? alone
        : undefined
    const start = this.#unfinished.get(key)
    if (start === undefined) throw new Unreadable(0, `an unfinished ${resumed[1]} before`)
    this.#unfinished.delete(key)
    const begin = this.#lines[start.index] as BeginLine
    begin.end = this.#lines.length
    // It ended with its task.
    if (/^\s*<unfinished \.\.\.>\)\s*=\s*\?/.test(resumed[2]!)) {
      this.#lines.push(callOf(`${closed(start.text)} = ?`, task, at, start.index))
      return
    }
    const glue = /[(,]\s*$/.test(start.text) || /^\s*(?:[)\]},]|=>)/.test(resumed[2]!) ? '' : ', '
    this.#lines.push(callOf(`${start.text}${glue}${resumed[2]}`, task, at, start.index))
  }
}

/** Whether a line begins as a call or the end of one does. */
const isCall = (line: string): boolean =>
  /^(?:<\.\.\. )?\w+(?:\(| resumed>)/.test(line.slice(before.exec(line)![0].length))

/** The beginning of a call with all its brackets closed. */
function closed(text: string): string {
  const open: string[] = []
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[({[)}\]]/g)) {
    if ('({['.includes(token)) open.push(token === '(' ? ')' : token === '{' ? '}' : ']')
    else if (token.length === 1) open.pop()
  }
  return text + open.reverse().join('')
}

const taskOf = (number: string | undefined): number | undefined => (number === undefined ? undefined : Number(number))

function callOf(text: string, task: number | undefined, at: At, begun: number | undefined): CallLine {
  const name = /^(\w+)\(/.exec(text)?.[1]
  if (name === undefined) throw new Unreadable(0, 'a call')
  const reader = new Reader(text, name.length + 1)
  const args = reader.arguments()
  return { kind: 'call', task, name, args, expected: expectedOf(reader), begun, ...at }
}

/** ` = -1 EPERM (Operation not permitted)` and its kin. */
function expectedOf(reader: Reader): Expected {
  reader.skip()
  const rest = reader.text.slice(reader.at)
  const parts = /^=\s*(\?|-?(?:0x[0-9a-f]+|\d+))(.*)$/.exec(rest)
  if (parts === null) throw new Unreadable(reader.at, 'a result')
  const [, number, behind] = parts as unknown as [string, string, string]
  const errno = /^\s+(E[A-Z0-9]+)\b/.exec(behind)?.[1]
  // ERESTARTSYS and its kin are not for programs: a signal came between.
  if (number === '?' || errno?.startsWith('ERESTART') || /\(INJECTED\)/.test(behind)) return { kind: 'left out' }
  if (errno !== undefined && number === '-1') {
    const name = errno === 'EWOULDBLOCK' ? 'EAGAIN' : errno === 'ENOTSUP' ? 'EOPNOTSUPP' : errno
    if (!Object.hasOwn(errnoNumbers, name)) throw new Unreadable(reader.at, `an errno instead of ${errno}`)
    return { kind: 'errno', errno: name as Errno }
  }
  const outside = /\/\* (\d+) in strace's PID NS \*\//.exec(behind)?.[1]
  const note = /\((.*)\)/.exec(behind)?.[1]
  return {
    kind: 'value',
    value: numberOf(number),
    ...(outside === undefined ? {} : { outside: Number(outside) }),
    ...(note === undefined ? {} : { note }),
  }
}
