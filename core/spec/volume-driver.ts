// The driver `local`: what the options of a volume make of it. podman-volume-create(1), "--opt"

import { UserError } from '../errors.ts'
import { contradiction, isBindOption, isTmpfsOption } from './mount-words.ts'

export type LocalVolume =
  /** A directory of the volume's own. `copies`: it begins with what the first container's image has at its place. */
  | { readonly kind: 'directory'; readonly copies: boolean; readonly uid?: number; readonly gid?: number }
  /** Every container that has it gets a new one, since it is mounted where only the container sees it. */
  | { readonly kind: 'tmpfs'; readonly options: readonly string[] }
  | { readonly kind: 'bind'; readonly source: string; readonly options: readonly string[] }

function refuse(key: string, value: string, sentence: string): never {
  throw new UserError(`--opt=${key}=${value}: ${sentence}`)
}

function ofDirectory(options: readonly string[], copies: boolean): LocalVolume {
  const owner: { uid?: number; gid?: number } = {}
  for (const option of options) {
    const [, key, id] = /^(uid|gid)=(\d{1,10})$/.exec(option) ?? []
    if (key !== undefined) owner[key as 'uid' | 'gid'] = Number(id)
    // There is no quota here that could be switched off.
    else if (option !== 'noquota')
      refuse(
        'o',
        option,
        /^(size|inodes)=/.test(option)
          ? 'needs the quotas of xfs, which vitrine does not set; a size can be given to a volume in memory, with type=tmpfs'
          : 'a volume with a directory of its own takes uid= and gid= only; others need a type',
      )
  }
  return { kind: 'directory', copies, ...owner }
}

/**
 * What a volume is, by the options that it was made with.
 *
 * @errors UserError naming the option that is not known, contradicts another, or asks for a file system other than tmpfs
 */
export function localVolume(options: Readonly<Record<string, string>>): LocalVolume {
  const { type = '', device = '', o = '', copy, nocopy, ...others } = options
  const [unknown] = Object.entries(others)
  if (unknown !== undefined) refuse(unknown[0], unknown[1], 'the driver local takes type, device, o, copy and nocopy')
  if (copy !== undefined && nocopy !== undefined) refuse('copy', copy, 'copy and nocopy exclude each other')
  const words = o.split(',').filter((option) => option !== '')
  const contradicts = contradiction(words)
  if (contradicts !== undefined) refuse('o', o, contradicts)
  if (type === '' && device === '') return ofDirectory(words, nocopy === undefined)
  if (type === 'tmpfs') {
    const wrong = words.find((option) => !isTmpfsOption(option))
    if (wrong !== undefined) refuse('o', wrong, 'is no option of a tmpfs')
    return { kind: 'tmpfs', options: words }
  }
  const binds = words.some((option) => option === 'bind' || option === 'rbind')
  if (binds && (type === 'none' || type === 'bind' || type === '')) {
    const wrong = words.find((option) => !isBindOption(option))
    if (wrong !== undefined) refuse('o', wrong, 'is no option of a bind mount')
    if (!device.startsWith('/')) refuse('device', device, 'must be an absolute path of the host, for it to be bound')
    return { kind: 'bind', source: device, options: words }
  }
  return refuse(
    'type',
    type,
    'a volume is a tmpfs, or a directory that is bound (type=none, o=bind): mount others on the host, and bind them',
  )
}
