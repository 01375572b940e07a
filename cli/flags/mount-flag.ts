// Values of --mount: `type=bind,source=/a,destination=/b,ro`. podman-run(1)

import { UserError } from '../../core/errors.ts'
import { propagations } from '../../core/spec/mount-words.ts'
import type { Tmpfs, Volume } from '../../core/spec/request.ts'
import { tmpfsOf, volumeOf } from './mount-values.ts'
import { splitList } from './parse.ts'

export type AskedMount =
  | { readonly kind: 'volume'; readonly volume: Volume }
  | { readonly kind: 'tmpfs'; readonly tmpfs: Tmpfs }

const otherNames: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'destination',
  target: 'destination',
  readonly: 'ro',
  chown: 'U',
}

/** Keys of each type besides `type` and `destination`; podman takes `consistency` and does nothing with it. */
const keysOf: Readonly<Record<string, readonly string[]>> = {
  bind: ['source', 'ro', 'rw', 'U', 'bind-propagation', 'bind-nonrecursive', 'relabel', 'idmap', 'consistency'],
  volume: ['source', 'ro', 'rw', 'U', 'idmap', 'consistency', 'nocopy', 'volume-nocopy', 'relabel'],
  tmpfs: ['ro', 'rw', 'U', 'tmpfs-size', 'tmpfs-mode', 'tmpcopyup', 'notmpcopyup', 'consistency'],
}

const whyNot: Readonly<Record<string, string>> = {
  devpts: 'every container has its own on /dev/pts',
  image: 'the files of another image cannot be mounted yet',
  glob: 'give each path by itself',
  ramfs: 'it has no limit; use type=tmpfs',
}

/** `--mount type=TYPE,…`. @errors UserError that names the flag and the key */
export function mountFlag(flag: string, value: string, directory: string, selinux = false): AskedMount {
  const refuse = (sentence: string): never => {
    throw new UserError(`${flag}=${value}: ${sentence}`)
  }
  const given = new Map<string, string | undefined>()
  for (const part of splitList(value)) {
    const equals = part.indexOf('=')
    const word = equals < 0 ? part : part.slice(0, equals)
    const key = Object.hasOwn(otherNames, word) ? otherNames[word]! : word
    if (given.has(key)) refuse(`${word} is given twice`)
    given.set(key, equals < 0 ? undefined : part.slice(equals + 1))
  }
  const type = given.get('type') ?? 'volume'
  const known = Object.hasOwn(keysOf, type) ? keysOf[type]! : undefined
  if (known === undefined) {
    const why = Object.hasOwn(whyNot, type) ? whyNot[type] : `must be ${Object.keys(keysOf).join(', ')}`
    return refuse(`type=${type}: ${why}`)
  }
  for (const key of given.keys())
    if (key !== 'type' && key !== 'destination' && !known.includes(key)) refuse(`type=${type} does not take "${key}"`)
  const text = (key: string): string | undefined =>
    given.has(key) ? (given.get(key) ?? refuse(`${key} needs a value`)) : undefined
  const on = (key: string): boolean => {
    const word = given.has(key) ? (given.get(key) ?? 'true') : 'false'
    return /^(true|1)$/i.test(word) || (/^(false|0)$/i.test(word) ? false : refuse(`${key} must be true or false`))
  }
  const destination = text('destination') ?? refuse('the destination is missing')
  const access = [...(on('ro') ? ['ro'] : []), ...(on('rw') ? ['rw'] : []), ...(on('U') ? ['U'] : [])]
  if (type === 'tmpfs') {
    const size = text('tmpfs-size')
    const mode = text('tmpfs-mode')
    const own = [...(size === undefined ? [] : [`size=${size}`]), ...(mode === undefined ? [] : [`mode=${mode}`])]
    const copying = ['tmpcopyup', 'notmpcopyup'].filter(on)
    return { kind: 'tmpfs', tmpfs: tmpfsOf(flag, value, destination, [...access, ...own, ...copying]) }
  }
  const propagation = text('bind-propagation')
  if (propagation !== undefined && !propagations.includes(propagation))
    refuse(`bind-propagation=${propagation}: must be one of ${propagations.join(', ')}`)
  const label = text('relabel')
  if (label !== undefined && label !== 'shared' && label !== 'private') refuse('relabel must be shared or private')
  const mapped = given.get('idmap')
  const options = [
    ...access,
    ...(propagation === undefined ? [] : [propagation]),
    ...(on('bind-nonrecursive') ? ['bind'] : []),
    ...(label === undefined ? [] : [label === 'shared' ? 'z' : 'Z']),
    ...(on('nocopy') || on('volume-nocopy') ? ['nocopy'] : []),
    ...(!given.has('idmap') || mapped === 'false' ? [] : [mapped && mapped !== 'true' ? `idmap=${mapped}` : 'idmap']),
  ]
  const source = text('source')
  const isPath = source?.startsWith('/') || source?.startsWith('.')
  if (type === 'bind' && source === undefined) refuse('the source is missing: a path of the host')
  if (type === 'volume' && isPath) refuse('the source of a volume is a name; type=bind takes a path')
  // As podman has it: a path that begins with neither is one of the working directory.
  const whole = type === 'bind' && !isPath ? `./${source}` : source
  const parts = { destination, options, directory, selinux }
  return { kind: 'volume', volume: volumeOf(flag, value, whole === undefined ? parts : { ...parts, source: whole }) }
}
