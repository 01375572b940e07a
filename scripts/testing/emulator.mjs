// Finds or makes what the emulated machine boots (Debian's 6.12 kernel with a few modules), and runs programs in it: there
// cgroup v2 has cpuset, io weights and huge pages, and there are time namespaces. The kernel's package is unpacked, never
// installed, into ~/.cache/vitrine/emulator.

import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { cpio } from './cpio.mjs'
import { root, run } from './suite.mjs'

/** What the machine needs to reach its files, and what scenarios need of it. */
const modules = [
  ...['9pnet_virtio', '9p', 'virtio_scsi', 'sd_mod'],
  ...['overlay', 'veth', 'bridge', 'dummy', 'loop', 'bfq'],
]

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'vitrine/emulator')

// insmod(8) has to find nothing by itself: the modules stand in their order.
const firstProgram = `#!/bin/busybox sh
for module in /modules/*; do /bin/busybox insmod $module; done
/bin/busybox mount -t proc proc /proc
init=$(/bin/busybox sed 's/.*vitrine_init=\\([^ ]*\\).*/\\1/' /proc/cmdline)
/bin/busybox umount /proc
/bin/busybox mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=262144,cache=loose root /root
exec /bin/busybox switch_root /root "$init"
`

function onPath(program) {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/bin']
  return directories.map((directory) => join(directory, program)).find(existsSync)
}

/** The newest 6.12 kernel that Debian has for this machine; undefined when its lists name none. */
function packageName() {
  const names = execFileSync(
    'apt-cache',
    ['search', '--names-only', '^linux-image-6\\.12\\.[0-9]+.*-amd64-unsigned$'],
    {
      encoding: 'utf8',
    },
  )
  const number = (name) => Number(/6\.12\.(\d+)/.exec(name)[1])
  return [...names.matchAll(/^linux-image-6\.12\.\d+\+deb12-amd64-unsigned/gm)]
    .map(([name]) => name)
    .sort((a, b) => number(a) - number(b))
    .at(-1)
}

/** Contents of a module's file, by its name, wherever it is in a tree of modules. */
function readModules(tree) {
  const files = new Map()
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true }))
    if (/\.ko(\.xz)?$/.test(entry.name))
      files.set(entry.name.replace(/\.ko(\.xz)?$/, '').replaceAll('-', '_'), join(entry.parentPath, entry.name))
  return (name) => {
    const path = files.get(name.replaceAll('-', '_'))
    if (path === undefined) return undefined
    return path.endsWith('.xz') ? execFileSync('xz', ['-dc', path], { maxBuffer: 2 ** 28 }) : readFileSync(path)
  }
}

/** Modules in the order in which they can be loaded: each after those that it names as `depends=`. */
function inOrder(names, contentOf) {
  const ordered = new Map()
  const add = (name) => {
    if (name === '' || ordered.has(name)) return
    const content = contentOf(name)
    if (content === undefined) return
    for (const other of (/\0depends=([^\0]*)\0/.exec(content.toString('latin1'))?.[1] ?? '').split(',')) add(other)
    ordered.set(name, content)
  }
  names.forEach(add)
  return [...ordered]
}

function build(name) {
  mkdirSync(cache, { recursive: true })
  const draft = mkdtempSync(join(cache, 'draft-'))
  try {
    execFileSync('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', name], { cwd: draft, stdio: 'pipe' })
    const deb = readdirSync(draft).find((file) => file.endsWith('.deb'))
    execFileSync('dpkg', ['-x', deb, 'tree'], { cwd: draft, stdio: 'pipe' })
    const ordered = inOrder(modules, readModules(join(draft, 'tree/lib/modules')))
    const directories = ['bin', 'modules', 'proc', 'root', 'dev'].map((path) => ({ path, mode: 0o40755 }))
    const files = [
      { path: 'init', mode: 0o100755, content: Buffer.from(firstProgram) },
      { path: 'bin/busybox', mode: 0o100755, content: readFileSync(onPath('busybox')) },
      ...ordered.map(([module, content], index) => ({
        path: `modules/${String(index).padStart(2, '0')}-${module}`,
        mode: 0o100644,
        content,
      })),
    ]
    const made = join(draft, 'made')
    mkdirSync(made)
    writeFileSync(join(made, 'initramfs'), cpio([...directories, ...files]))
    const image = readdirSync(join(draft, 'tree/boot')).find((file) => file.startsWith('vmlinuz-'))
    renameSync(join(draft, 'tree/boot', image), join(made, 'vmlinuz'))
    renameSync(made, join(cache, name))
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/**
 * The directory with the kernel and its first files, made when it is not there.
 *
 * @returns `{ directory }`, or `{ reason }` why there is none
 */
export function findEmulator() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return { reason: 'the emulator is used on Linux on x64 only' }
  for (const program of ['qemu-system-x86_64', 'busybox', 'xz'])
    if (onPath(program) === undefined) return { reason: `no emulator: ${program} is not installed` }
  const made = existsSync(cache) ? readdirSync(cache).filter((name) => name.startsWith('linux-image-')) : []
  if (made.length > 0) return { directory: join(cache, made.sort().at(-1)) }
  if (onPath('apt-get') === undefined) return { reason: 'no kernel for the emulator: apt-get is not there' }
  try {
    const name = packageName()
    if (name === undefined) return { reason: 'no kernel for the emulator: apt-cache knows no linux-image-6.12' }
    build(name)
    return { directory: join(cache, name) }
  } catch (error) {
    return { reason: `no kernel for the emulator: ${String(error.stderr ?? error.message).trim()}` }
  }
}

/**
 * Runs one program in the emulated machine, with some directories of the host's in their places.
 *
 * @returns its exit code
 */
export async function runInEmulator(directory, program, directories) {
  const kept = directories.flatMap((path) => ['-w', path])
  const script = join(root, 'test/emulator/run')
  return await run(script, ['-k', directory, '-t', '2700', ...kept, '--', ...program])
}
