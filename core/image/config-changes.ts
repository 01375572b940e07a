// Changes to an image's configuration in the words of a Containerfile: podman-commit(1) and podman-import(1), --change.

import { UserError } from '../errors.ts'
import type { ImageExecution } from '../spec/image-config.ts'

type Change = (execution: ImageExecution, text: string, refuse: (why: string) => never) => ImageExecution

const changes: Readonly<Record<string, Change>> = {
  CMD: (execution, text) => ({ ...execution, Cmd: commandOf(text) }),
  ENTRYPOINT: (execution, text) => ({ ...execution, Entrypoint: commandOf(text) }),
  ENV: (execution, text, refuse) => {
    const pairs = pairsOf(text, refuse)
    const others = (execution.Env ?? []).filter((entry) => !pairs.has(entry.split('=', 1)[0]!))
    return { ...execution, Env: [...others, ...[...pairs].map(([name, value]) => `${name}=${value}`)] }
  },
  EXPOSE: (execution, text, refuse) => {
    const ports = wordsOf(text, refuse).map((word) => {
      const [, port, protocol = 'tcp'] = /^(\d+(?:-\d+)?)(?:\/(tcp|udp|sctp))?$/i.exec(word) ?? []
      if (port === undefined) return refuse(`${word} is no port; give 80, 80/udp or 8000-8010`)
      return [`${port}/${protocol.toLowerCase()}`, {}] as const
    })
    return { ...execution, ExposedPorts: { ...execution.ExposedPorts, ...Object.fromEntries(ports) } }
  },
  LABEL: (execution, text, refuse) => ({
    ...execution,
    Labels: { ...execution.Labels, ...Object.fromEntries(pairsOf(text, refuse)) },
  }),
  STOPSIGNAL: (execution, text, refuse) => ({ ...execution, StopSignal: oneWord(text, refuse) }),
  USER: (execution, text, refuse) => ({ ...execution, User: oneWord(text, refuse) }),
  VOLUME: (execution, text, refuse) => {
    const paths = listOf(text) ?? wordsOf(text, refuse)
    return {
      ...execution,
      Volumes: { ...execution.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) },
    }
  },
  WORKDIR: (execution, text, refuse) => {
    const path = oneWord(text, refuse)
    const base = (execution.WorkingDir || '/').replace(/\/+$/, '')
    return { ...execution, WorkingDir: path.startsWith('/') ? path : `${base}/${path}` }
  },
}

/**
 * The configuration after some instructions: `CMD ["httpd"]`, `ENV=A=1`, `EXPOSE 80`.
 *
 * @errors UserError naming the instruction
 */
export function changed(execution: ImageExecution, instructions: readonly string[]): ImageExecution {
  return instructions.reduce((before, instruction) => {
    const [, word = '', text = ''] = /^\s*([A-Za-z]+)(?:\s+|\s*=\s*)(.*?)\s*$/s.exec(instruction) ?? []
    const refuse = (why: string): never => {
      throw new UserError(`--change ${JSON.stringify(instruction)}: ${why}`)
    }
    const change = Object.hasOwn(changes, word.toUpperCase()) ? changes[word.toUpperCase()] : undefined
    if (change === undefined) refuse(`must begin with one of ${Object.keys(changes).join(', ')}`)
    if (text === '') refuse('nothing follows the instruction')
    return change!(before, text, refuse)
  }, execution)
}

/** `["a", "b"]`, or undefined when it is no JSON list of texts. */
function listOf(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) && list.every((item) => typeof item === 'string') ? list : undefined
  } catch {
    return undefined
  }
}

/** What is no list is for the shell. */
const commandOf = (text: string): string[] => listOf(text) ?? ['/bin/sh', '-c', text]

function oneWord(text: string, refuse: (why: string) => never): string {
  const words = wordsOf(text, refuse)
  return words.length === 1 ? words[0]! : refuse('takes one word')
}

/** `A=1 B="2 3"`, or the old form of one pair: `A 1 2 3`. */
function pairsOf(text: string, refuse: (why: string) => never): Map<string, string> {
  if (!/^[^\s=]+=/.test(text.replace(/^"([^"]*)"/, '$1'))) {
    const [, name, value] = /^(\S+)\s+(.*)$/s.exec(text) ?? []
    return name === undefined ? refuse('takes pairs: NAME=VALUE') : new Map([[name, value!]])
  }
  return new Map(
    wordsOf(text, refuse).map((word) => {
      const equals = word.indexOf('=')
      return equals <= 0 ? refuse(`${word} is no pair NAME=VALUE`) : [word.slice(0, equals), word.slice(equals + 1)]
    }),
  )
}

/** Words between spaces; quotes hold spaces together, a backslash takes a character's meaning away. */
function wordsOf(text: string, refuse: (why: string) => never): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!
    if (character === '\\' && quote !== "'" && at + 1 < text.length) word = (word ?? '') + text[++at]!
    else if (quote !== '' && character === quote) quote = ''
    else if (quote === '' && (character === '"' || character === "'")) {
      quote = character
      word ??= ''
    } else if (quote === '' && /\s/.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + character
  }
  if (quote !== '') refuse(`a quote ${quote} is not closed`)
  if (word !== undefined) words.push(word)
  return words
}
