// Values of -v, --volumes-from, --tmpfs and --device: what is put where in the container.

import { UserError } from '../../core/errors.ts'
import { isIdmap, readIdmap } from '../../core/spec/idmap-option.ts'
import { contradiction, isBindOption, isTmpfsOption } from '../../core/spec/mount-words.ts'
import { cleanPath } from '../../core/spec/mounts.ts'
import type { RequestedDevice, Tmpfs, Volume, VolumesFrom } from '../../core/spec/request.ts'

function refuse(flag: string, value: string, sentence: string): never {
  throw new UserError(`${flag}=${value}: ${sentence}`)
}

/** What the engine does with a volume before a container has it. */
const ofEngine = new Set(['O', 'U', 'copy', 'nocopy', 'z', 'Z'])
const ofOverlay = /^(upper|work)dir=/

function checkExclusive(flag: string, value: string, options: readonly string[]): void {
  const found = contradiction(options)
  if (found !== undefined) refuse(flag, value, found)
}

function checkDestination(flag: string, value: string, destination: string): void {
  if (!destination.startsWith('/')) refuse(flag, value, `the container's path "${destination}" must be absolute`)
}

/**
 * `-v [SOURCE:]DESTINATION[:OPTIONS]`. A source with a slash or dot at its start is a path of the host, another is a name.
 *
 * @param directory - against which a relative path of the host is read
 * @param selinux - whether the host labels files: only there do z and Z mean anything
 */
export function volume(flag: string, value: string, directory: string, selinux = false): Volume {
  const parts = value.split(':')
  if (parts.length > 3) refuse(flag, value, 'give [SOURCE:]DESTINATION[:OPTIONS]')
  if (parts.length === 1) return volumeOf(flag, value, { destination: value, options: [], directory, selinux })
  const [source = '', destination = '', optionText = ''] = parts
  const options = optionText === '' ? [] : optionText.split(',')
  return volumeOf(flag, value, { source, destination, options, directory, selinux })
}

export interface VolumeParts {
  readonly source?: string
  readonly destination: string
  readonly options: readonly string[]
  readonly directory: string
  readonly selinux: boolean
}

/** A volume from its parts, however they were written. @errors UserError that names the flag */
export function volumeOf(flag: string, value: string, parts: VolumeParts): Volume {
  const { source, destination, options, directory, selinux } = parts
  checkDestination(flag, value, destination)
  for (const option of options) {
    if (isBindOption(option) || ofEngine.has(option) || ofOverlay.test(option)) continue
    if (isIdmap(option)) checkIdmap(flag, value, option)
    else refuse(flag, value, `unknown option "${option}"`)
  }
  checkExclusive(flag, value, options)
  checkOverlay(flag, value, options)
  // Without SELinux there is no label to change, so that relabelling is done before it begins.
  const kept = options.filter((option) => selinux || (option !== 'z' && option !== 'Z'))
  if (source === undefined) return { kind: 'anonymous', destination, options: kept }
  if (source === '') refuse(flag, value, 'the source is empty')
  if (source.startsWith('/') || source.startsWith('.')) {
    const copying = options.find((option) => option === 'copy' || option === 'nocopy')
    if (copying !== undefined)
      refuse(flag, value, `${copying} is for volumes: a directory of the host begins with what is in it`)
    const path = source.startsWith('/') ? source : cleanPath(`${directory}/${source}`)
    return { kind: 'bind', source: path, destination, options: kept }
  }
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(source))
    refuse(flag, value, `"${source}" is no name of a volume, and a path of the host begins with / or .`)
  return { kind: 'named', source, destination, options: kept }
}

function checkIdmap(flag: string, value: string, option: string): void {
  try {
    readIdmap(option)
  } catch (error) {
    refuse(flag, value, (error as UserError).message)
  }
}

/** An overlay hides its source from changes, so that there is nothing for the other options to do. podman-run(1) */
function checkOverlay(flag: string, value: string, options: readonly string[]): void {
  const directories = options.filter((option) => ofOverlay.test(option))
  if (!options.includes('O')) {
    if (directories.length > 0) refuse(flag, value, `${directories[0]} is for an overlay, with the option O`)
    return
  }
  const other = options.find((option) => option !== 'O' && !ofOverlay.test(option))
  if (other !== undefined) refuse(flag, value, `O and ${other} exclude each other`)
  const keys = new Set(directories.map((option) => option.slice(0, option.indexOf('='))))
  if (directories.length !== 0 && (directories.length !== 2 || keys.size !== 2))
    refuse(flag, value, 'an overlay has upperdir= and workdir=, each once, or neither')
  const relative = directories.find((option) => !/=\//.test(option))
  if (relative !== undefined) refuse(flag, value, `${relative}: must be an absolute path of the host`)
}

/** `--volumes-from CONTAINER[:OPTIONS]`. */
export function volumesFrom(flag: string, value: string, selinux = false): VolumesFrom {
  const [container = '', optionText, ...more] = value.split(':')
  if (container === '' || more.length > 0) refuse(flag, value, 'give CONTAINER[:OPTIONS]')
  const options = optionText === undefined || optionText === '' ? [] : optionText.split(',')
  const unknown = options.find((option) => !['ro', 'rw', 'z'].includes(option))
  if (unknown !== undefined) refuse(flag, value, `unknown option "${unknown}": ro, rw and z there are`)
  checkExclusive(flag, value, options)
  return { container, options: options.filter((option) => selinux || option !== 'z') }
}

/** `--tmpfs DESTINATION[:OPTIONS]`. tmpfs(5). */
export function tmpfs(flag: string, value: string): Tmpfs {
  const colon = value.indexOf(':')
  if (colon < 0) return tmpfsOf(flag, value, value, [])
  const options = value.slice(colon + 1).split(',')
  return tmpfsOf(flag, value, value.slice(0, colon), options)
}

/** A tmpfs from its parts, however they were written. @errors UserError that names the flag */
export function tmpfsOf(flag: string, value: string, destination: string, options: readonly string[]): Tmpfs {
  checkDestination(flag, value, destination)
  const kept = options.filter((option) => option !== 'notmpcopyup' && option !== '')
  for (const option of kept) {
    if (option === 'tmpcopyup') refuse(flag, value, "tmpcopyup is podman's, and vitrine does not have it yet")
    if (!isTmpfsOption(option) && option !== 'U') refuse(flag, value, `unknown option "${option}"`)
  }
  checkExclusive(flag, value, kept)
  return { destination, options: kept }
}

/** `--device SOURCE[:DESTINATION][:rwm]`. */
export function device(flag: string, value: string): RequestedDevice {
  const parts = value.split(':')
  const [source = ''] = parts
  if (!source.startsWith('/')) refuse(flag, value, 'the device must be an absolute path of the host')
  const isAccess = (word: string) => /^[rwm]{1,3}$/.test(word) && new Set(word).size === word.length
  const checkAccess = (word: string) =>
    isAccess(word) ? word : refuse(flag, value, `the access "${word}" must be made of the letters r, w and m`)
  if (parts.length === 1) return { source, destination: source, access: 'rwm' }
  if (parts.length === 2 && !parts[1]!.startsWith('/'))
    return { source, destination: source, access: checkAccess(parts[1]!) }
  if (parts.length > 3) refuse(flag, value, 'give SOURCE[:DESTINATION][:rwm]')
  checkDestination(flag, value, parts[1]!)
  return { source, destination: parts[1]!, access: parts[2] === undefined ? 'rwm' : checkAccess(parts[2]) }
}
