// The words of mount options that users write for volumes and tmpfs, and which of them contradict each other. mount(8), tmpfs(5)

/** mount_namespaces(7). */
export const propagations: readonly string[] = [
  'shared',
  'slave',
  'private',
  'unbindable',
  'rshared',
  'rslave',
  'rprivate',
  'runbindable',
]

const flags: readonly (readonly string[])[] = [
  ['ro', 'rw'],
  ['exec', 'noexec'],
  ['dev', 'nodev'],
  ['suid', 'nosuid'],
]

/** Groups of options of which a mount has at most one. */
const exclusive: readonly (readonly string[])[] = [
  ...flags,
  ['bind', 'rbind'],
  propagations,
  ['copy', 'nocopy'],
  ['z', 'Z'],
]

const bindWords = new Set([...flags.flat(), 'bind', 'rbind', ...propagations])
const tmpfsWords = new Set([...flags.flat(), ...propagations, 'noatime', 'relatime', 'strictatime'])
const tmpfsKeys = /^(size=\d+[kmg%]?|mode=[0-7]{1,4}|nr_inodes=\d+[kmg]?|nr_blocks=\d+[kmg]?|uid=\d+|gid=\d+)$/i

/** Whether the kernel takes an option for a bind mount. */
export const isBindOption = (option: string): boolean => bindWords.has(option)

export const isTmpfsOption = (option: string): boolean => tmpfsWords.has(option) || tmpfsKeys.test(option)

/** What contradicts itself: `ro and rw exclude each other`; undefined when nothing does. */
export function contradiction(options: readonly string[]): string | undefined {
  for (const group of exclusive) {
    const found = new Set(options.filter((option) => group.includes(option)))
    if (found.size > 1) return `${[...found].join(' and ')} exclude each other`
  }
  return undefined
}
