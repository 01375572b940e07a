// Components of WASI, and programs of others in C, compiled for the tests; what is compiled and fetched is kept.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { prepare } from '../../backends/sim/wasm/prepare.ts'
import { guest } from '../../backends/sim/wasm/process.ts'
import { load, type Prepared } from '../../backends/sim/wasm/program.ts'
import { compileForWasi } from '../../scripts/guests/clang.ts'
import { componentWithLibc, layer } from '../../scripts/guests/wasi-libc.ts'
import type { Program } from '../../sim/program.ts'
import { repository } from './source.ts'

const kept = join(repository, 'node_modules/.cache/vitrine-guests')

const hashOf = (...parts: (string | Uint8Array)[]) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

/** Makes a directory once. */
function keptDirectory(name: string, make: (draft: string) => void): string {
  const place = join(kept, name)
  if (existsSync(place)) return place
  const draft = `${place}.${process.pid}`
  mkdirSync(draft, { recursive: true })
  try {
    make(draft)
    renameSync(draft, place)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return place
}

async function keptBytes(key: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
  const place = join(kept, `${key}.wasm`)
  if (existsSync(place)) return new Uint8Array(readFileSync(place))
  const bytes = await make()
  mkdirSync(kept, { recursive: true })
  writeFileSync(`${place}.${process.pid}`, bytes)
  renameSync(`${place}.${process.pid}`, place)
  return bytes
}

function inside(directory: string, program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { cwd: directory, encoding: 'utf8', timeout: 30_000 })
  if (status !== 0) throw new Error(`${program} ${args[0]} failed: ${stderr}`)
}

const jco = '1.35.0'

/** What makes a component of WASI 0.2 of a module of WASI 0.1; undefined where it cannot be had. */
export function adapter(): Uint8Array | undefined {
  try {
    const place = keptDirectory(`jco-${jco}`, (draft) => {
      inside(draft, 'npm', ['pack', '--silent', `@bytecodealliance/jco@${jco}`])
      inside(draft, 'tar', ['xf', `bytecodealliance-jco-${jco}.tgz`, 'package/lib/wasi_snapshot_preview1.command.wasm'])
    })
    return new Uint8Array(readFileSync(join(place, 'package/lib/wasi_snapshot_preview1.command.wasm')))
  } catch {
    return undefined
  }
}

/** A component of WASI 0.2 as any compiler makes it. @param path - of a C file, below the repository */
export async function standardComponent(path: string, adapterBytes: Uint8Array): Promise<Uint8Array> {
  const source = readFileSync(join(repository, path), 'utf8')
  return await keptBytes(hashOf(source, adapterBytes), async () => {
    const { componentNew } = await import('@bytecodealliance/jco-transpile/wasm-tools')
    const core = await compileForWasi({ 'main.c': source })
    return await componentNew(core, [['wasi_snapshot_preview1', adapterBytes]])
  })
}

/** One that has sockets: test/guests/sockets.c. Its imports are written as the canonical ABI has them. */
export async function socketsComponent(adapterBytes: Uint8Array): Promise<Uint8Array> {
  const read = (name: string) => readFileSync(join(repository, 'test/guests', name), 'utf8')
  const names = ['sockets.c', 'sockets.h', 'sockets-states.h']
  const sources = Object.fromEntries(names.map((name) => [name, read(name)]))
  const witSource = read('sockets.wit')
  return await keptBytes(hashOf(JSON.stringify([sources, witSource]), adapterBytes), async () => {
    const { componentEmbed, componentNew } = await import('@bytecodealliance/jco-transpile/wasm-tools')
    const binary = await compileForWasi(sources, ['-Wall', '-Wextra', '-Werror'])
    const core = await componentEmbed({ binary, witSource, world: 'sockets' })
    return await componentNew(core, [['wasi_snapshot_preview1', adapterBytes]])
  })
}

/** The same as a module of WASI 0.1. @param path - of a C file, below the repository */
export async function standardModule(path: string): Promise<Uint8Array> {
  const source = readFileSync(join(repository, path), 'utf8')
  return await keptBytes(hashOf('module', source), () => compileForWasi({ 'main.c': source }))
}

/** A module of WASI 0.1 with sockets that it was given: test/guests/inherited.c. */
export async function inheritingModule(): Promise<Uint8Array> {
  const source = readFileSync(join(repository, 'test/guests/inherited.c'), 'utf8')
  return await keptBytes(hashOf(source), () => compileForWasi({ 'main.c': source }))
}

interface DebianSource {
  /** Its place below `pool/main`. */
  readonly path: string
  readonly sha256: string
}

/** What is in a source package of Debian: its directory; undefined where it cannot be had. */
export async function debianSource({ path, sha256 }: DebianSource): Promise<string | undefined> {
  const file = path.replace(/^.*\//, '')
  const name = file.replace(/\.orig\.tar\..*$/, '').replace('_', '-')
  const place = join(kept, name)
  try {
    if (!existsSync(place)) {
      const url = `https://deb.debian.org/debian/pool/main/${path}`
      const response = await fetch(url, { signal: AbortSignal.timeout(15_000) })
      const bytes = new Uint8Array(await response.arrayBuffer())
      if (hashOf(bytes) !== sha256) return undefined
      keptDirectory(name, (draft) => {
        writeFileSync(join(draft, file), bytes)
        inside(draft, 'tar', ['xf', file, '--strip-components=1'])
        rmSync(join(draft, file))
      })
    }
    return place
  } catch {
    return undefined
  }
}

/** Sources of Lua out of Debian's source package; undefined where they cannot be had. */
export async function luaSources(): Promise<Record<string, string> | undefined> {
  const place = await debianSource({
    path: 'l/lua5.4/lua5.4_5.4.4.orig.tar.gz',
    sha256: '164c7849653b80ae67bec4b7473b884bf5cc8d2dca05653475ec2ed27b9ebf61',
  })
  if (place === undefined) return undefined
  const folder = join(place, 'src')
  const names = readdirSync(folder).filter((name) => /\.[ch]$/.test(name) && name !== 'luac.c')
  return Object.fromEntries(names.map((name) => [`lua/${name}`, readFileSync(join(folder, name), 'utf8')]))
}

/** Lua as a component of the contract. */
export async function luaComponent(sources: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const key = hashOf(JSON.stringify([layer(repository), sources]))
  return await keptBytes(key, () => componentWithLibc(repository, sources, ['-DL_tmpnam=20']))
}

/** Prepares a component once for the same passes. */
export async function standardProgram(component: Uint8Array): Promise<Program> {
  const passes = readdirSync(join(repository, 'backends/sim/wasm'), { withFileTypes: true }).filter((at) => at.isFile())
  const texts = passes.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'))
  const place = join(kept, `${hashOf(component, ...texts)}.json`)
  if (!existsSync(place)) {
    const { modules, ...rest } = prepare(component)
    const encoded = Object.entries(modules).map(([name, { bytes, ...more }]) => [
      name,
      { ...more, base64: Buffer.from(bytes).toString('base64') },
    ])
    writeFileSync(`${place}.${process.pid}`, JSON.stringify({ ...rest, modules: encoded }))
    renameSync(`${place}.${process.pid}`, place)
  }
  const { modules, ...rest } = JSON.parse(readFileSync(place, 'utf8'))
  const decoded = modules.map(([name, { base64, ...more }]: [string, { base64: string }]) => [
    name,
    { ...more, bytes: new Uint8Array(Buffer.from(base64, 'base64')) },
  ])
  return guest(load({ ...rest, modules: Object.fromEntries(decoded) } as Prepared))
}
