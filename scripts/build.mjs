// Makes what a package ships: dist/*.cjs from the sources, prebuilds/ from the C. Options: --pack (both architectures are
// wanted), --install (after `npm ci`; a machine without a compiler is no failure).

import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildNatives } from './natives.mjs'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')

/** Programs, by the name of their bundle. Whatever they reach through `import()` becomes a bundle of its own. */
const entries = { vitrine: 'cli/main.ts' }

/** Stay packages: koffi carries machine code. */
const external = ['koffi', '@koromix/*']

// esbuild splits ES modules only, and ES modules start slower than CommonJS: so it splits first, and every piece is then
// turned into CommonJS. One piece is loaded once, whoever asks for it.
async function bundle() {
  const { build, transform } = await import('esbuild')
  const result = await build({
    absWorkingDir: root,
    entryPoints: Object.entries(entries).map(([name, source]) => ({ in: source, out: name })),
    bundle: true,
    splitting: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    outdir: dist,
    outExtension: { '.js': '.cjs' },
    chunkNames: 'chunk-[hash]',
    external,
    treeShaking: true,
    legalComments: 'none',
    logLevel: 'error',
    logLimit: 3,
    mainFields: ['module', 'main'],
  })
  return await Promise.all(
    result.outputFiles.map(async (file) => {
      const { code } = await transform(file.text, {
        format: 'cjs',
        platform: 'node',
        target: 'node24',
        supported: { 'dynamic-import': false },
        define: {
          'import.meta.url': '__moduleUrl',
          'import.meta.dirname': '__dirname',
          'import.meta.filename': '__filename',
        },
        minifySyntax: true,
        minifyWhitespace: true,
        logLevel: 'warning',
      })
      const url = code.includes('__moduleUrl')
        ? "const __moduleUrl=require('node:url').pathToFileURL(__filename).href;"
        : ''
      return { name: file.path.slice(dist.length + 1), code: code.replace(/^("use strict";)?/, `$1${url}`) }
    }),
  )
}

// Programs may be running from dist while it is made anew: pieces first, by rename, and the old ones go last.
async function writeDist(files) {
  mkdirSync(dist, { recursive: true })
  const order = [...files].sort((a, b) => Number(a.name in names) - Number(b.name in names))
  for (const { name, code } of order) {
    const path = join(dist, name)
    if (existsSync(path) && (await readFile(path, 'utf8')) === code) continue
    await writeFile(`${path}.${process.pid}`, code)
    await rename(`${path}.${process.pid}`, path)
  }
  const kept = new Set(files.map(({ name }) => name))
  for (const name of readdirSync(dist)) if (!kept.has(name)) rmSync(join(dist, name), { force: true, recursive: true })
}
const names = Object.fromEntries(Object.keys(entries).map((name) => [`${name}.cjs`, true]))

const options = new Set(process.argv.slice(2))
const wanted = options.has('--pack') ? ['x64', 'arm64'] : process.platform === 'linux' ? [process.arch] : ['x64']

async function buildDist() {
  if (options.has('--install') && !existsSync(join(root, 'node_modules/esbuild'))) {
    return ['dist was not built, because the development packages are not installed; the sources run as they are']
  }
  await writeDist(await bundle())
  return []
}

// One that fails does not keep the other from being made.
for (const { value, reason } of await Promise.allSettled([
  buildNatives({ wanted, force: options.has('--force') }),
  buildDist(),
])) {
  for (const line of value ?? []) console.error(`vitrine: ${line}`)
  if (reason !== undefined) {
    console.error(`vitrine: the build failed: ${reason.message.split('\n')[0]}`)
    process.exitCode = 1
  }
}
