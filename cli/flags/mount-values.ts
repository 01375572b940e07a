// Values of -v, --tmpfs and --device: what is put where in the container.

import { UserError } from '../../core/errors.ts'
import { cleanPath } from '../../core/spec/mounts.ts'
import type { RequestedDevice, Tmpfs, Volume } from '../../core/spec/request.ts'

function refuse(flag: string, value: string, sentence: string): never {
  throw new UserError(`${flag}=${value}: ${sentence}`)
}

const propagations = ['shared', 'slave', 'private', 'unbindable', 'rshared', 'rslave', 'rprivate', 'runbindable']

/** Groups of options of which a mount has at most one. */
const exclusive: readonly (readonly string[])[] = [
  ['ro', 'rw'],
  ['exec', 'noexec'],
  ['dev', 'nodev'],
  ['suid', 'nosuid'],
  ['bind', 'rbind'],
  propagations,
]

const volumeOptions = new Set(exclusive.flat())
const tmpfsFlags = new Set([...exclusive.slice(0, 4).flat(), ...propagations, 'noatime', 'relatime', 'strictatime'])
const tmpfsKeys = /^(size=\d+[kmg%]?|mode=[0-7]{1,4}|nr_inodes=\d+[kmg]?|nr_blocks=\d+[kmg]?|uid=\d+|gid=\d+)$/i

/** podman's options that vitrine would have to act on, and does not. */
const podmansVolumeOptions = new Set(['O', 'U', 'copy', 'nocopy', 'idmap', 'upperdir', 'workdir', 'z', 'Z'])

function checkExclusive(flag: string, value: string, options: readonly string[]): void {
  for (const group of exclusive) {
    const found = options.filter((option) => group.includes(option))
    if (new Set(found).size > 1) refuse(flag, value, `${found.join(' and ')} exclude each other`)
  }
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
  if (parts.length === 1) {
    checkDestination(flag, value, value)
    return { kind: 'anonymous', destination: value, options: [] }
  }
  const [source = '', destination = '', optionText = ''] = parts
  checkDestination(flag, value, destination)
  const options = optionText === '' ? [] : optionText.split(',')
  for (const option of options) {
    // Without SELinux there is no label to change, so that relabelling is done before it begins.
    if ((option === 'z' || option === 'Z') && !selinux) continue
    if (podmansVolumeOptions.has(option) || podmansVolumeOptions.has(option.split('=')[0]!))
      refuse(flag, value, `the option ${option} is podman's, and vitrine does not have it yet`)
    if (!volumeOptions.has(option)) refuse(flag, value, `unknown option "${option}"`)
  }
  checkExclusive(flag, value, options)
  const kept = options.filter((option) => option !== 'z' && option !== 'Z')
  if (source === '') refuse(flag, value, 'the source is empty')
  if (source.startsWith('/')) return { kind: 'bind', source, destination, options: kept }
  if (source.startsWith('.'))
    return { kind: 'bind', source: cleanPath(`${directory}/${source}`), destination, options: kept }
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(source))
    refuse(flag, value, `"${source}" is no name of a volume, and a path of the host begins with / or .`)
  return { kind: 'named', source, destination, options: kept }
}

/** `--tmpfs DESTINATION[:OPTIONS]`. tmpfs(5). */
export function tmpfs(flag: string, value: string): Tmpfs {
  const colon = value.indexOf(':')
  const destination = colon < 0 ? value : value.slice(0, colon)
  checkDestination(flag, value, destination)
  const options =
    colon < 0
      ? []
      : value
          .slice(colon + 1)
          .split(',')
          .filter((option) => option !== '')
  const kept = options.filter((option) => option !== 'notmpcopyup')
  for (const option of kept) {
    if (option === 'tmpcopyup') refuse(flag, value, "tmpcopyup is podman's, and vitrine does not have it yet")
    if (!tmpfsFlags.has(option) && !tmpfsKeys.test(option)) refuse(flag, value, `unknown option "${option}"`)
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
