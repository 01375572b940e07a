// The native parts as a list, and the compilers that make them: `prebuilds/linux-ARCH/OUTPUT` from `backends/linux/native/SOURCE`.

import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '..')
const sources = join(root, 'backends/linux/native')

/** kind `shared`: loaded into Node; it outlives its own unloading, since a waiting child still runs in it. kind `static`: a program. */
export const natives = [
  { source: 'tape.c', output: 'tape.so', kind: 'shared' },
  { source: 'monitor.c', output: 'monitor', kind: 'static' },
  { source: 'init.c', output: 'init', kind: 'static' },
  { source: 'player.c', output: 'player', kind: 'static' },
]

const common = [
  ...['-O2', '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-ffreestanding', '-fno-builtin', '-nostdlib'],
  ...['-fno-stack-protector', '-fno-asynchronous-unwind-tables', '-fno-unwind-tables', '-fcf-protection=none'],
  ...['-Wl,--build-id=none', '-Wl,-z,noexecstack', '-s'],
]

// The static program is one page-aligned image with as few pages as can be: each one is memory per container.
const kinds = {
  shared: [
    '-shared',
    '-fPIC',
    '-fvisibility=hidden',
    '-Wl,-z,nodelete',
    '-Wl,-z,relro',
    '-Wl,-z,now',
    '-Wl,--hash-style=gnu',
  ],
  static: ['-static', '-no-pie', '-fno-pie', '-Wl,-z,noseparate-code', '-Wl,-z,norelro'],
}

const architectures = {
  x64: { prefix: 'x86_64-linux-gnu-', flags: [], package: 'gcc-x86-64-linux-gnu' },
  arm64: {
    prefix: 'aarch64-linux-gnu-',
    // No outline atomics: they call into libgcc, and nothing is linked.
    flags: ['-mno-outline-atomics'],
    package: 'gcc-aarch64-linux-gnu',
  },
}

function onPath(program) {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(directory, program)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {}
  }
  return undefined
}

function compilerFor(arch) {
  const own = process.platform === 'linux' && process.arch === arch ? onPath('gcc') : undefined
  return own ?? onPath(`${architectures[arch].prefix}gcc`)
}

function newestInput(script) {
  const files = readdirSync(sources).filter((name) => /\.[ch]$/.test(name))
  return Math.max(statSync(script).mtimeMs, ...files.map((name) => statSync(join(sources, name)).mtimeMs))
}

async function compile(compiler, arch, native, output) {
  const made = `${output}.${process.pid}`
  const flags = [...common, ...kinds[native.kind], ...architectures[arch].flags]
  const only = arch === 'x64' ? flags : flags.filter((flag) => flag !== '-fcf-protection=none')
  try {
    await promisify(execFile)(compiler, [...only, '-I', sources, '-o', made, join(sources, native.source)])
    renameSync(made, output)
  } catch (error) {
    rmSync(made, { force: true })
    throw new Error(`${compiler} cannot make ${native.output} from ${native.source}:\n${error.stderr || error.message}`)
  }
}

/**
 * Makes what is missing or older than its sources, for every architecture that has a compiler here.
 *
 * @param wanted - architectures whose compiler's absence is worth a line
 * @returns lines for the user
 */
export async function buildNatives({ wanted, force = false }) {
  const lines = []
  const jobs = []
  const newest = newestInput(import.meta.filename)
  for (const arch of Object.keys(architectures)) {
    const directory = join(root, 'prebuilds', `linux-${arch}`)
    const compiler = compilerFor(arch)
    if (compiler === undefined) {
      const have = natives.every(({ output }) => existsSync(join(directory, output)))
      if (wanted.includes(arch)) lines.push(withoutCompiler(arch, have))
      continue
    }
    mkdirSync(directory, { recursive: true })
    for (const native of natives) {
      const output = join(directory, native.output)
      if (!force && existsSync(output) && statSync(output).mtimeMs > newest) continue
      jobs.push(compile(compiler, arch, native, output))
    }
  }
  await Promise.all(jobs)
  return lines
}

function withoutCompiler(arch, have) {
  const program = process.arch === arch ? 'gcc' : `${architectures[arch].prefix}gcc`
  const where =
    process.platform === 'linux'
      ? `install ${process.arch === arch ? 'gcc' : architectures[arch].package}`
      : 'this is no Linux'
  const state = have ? 'those that are there were kept' : 'containers on Linux need them'
  return `native parts for linux-${arch} were not built, because there is no ${program} (${where}); ${state}`
}
