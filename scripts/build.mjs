// Makes what a package ships: dist/*.cjs from the sources, prebuilds/ from the C. Options: --pack (both architectures are
// wanted), --install (after `npm ci`; a machine without a compiler is no failure), --guests (those of the simulated machine, too).

import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { browserBundle } from './browser.mjs'
import { buildNatives } from './natives.mjs'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')

/**
 * By the name of their bundle: the program, what `--sim` runs in its place, and the simulated kernel, as large as it, which
 * only its own verbs need.
 */
const entries = {
  vitrine: 'cli/main.ts',
  'vitrine-oci': 'cli/oci/main.ts',
  simulated: 'cli/simulated/main.ts',
  simulation: 'backends/sim/open.ts',
  player: 'backends/player/open.ts',
}

/** Stay packages: koffi carries machine code. */
const external = ['koffi', '@koromix/*']

// Commander loads child_process, 2 ms, for subcommands that are programs of their own; there are none here.
const lazyChildProcess = {
  name: 'lazy child_process',
  setup(build) {
    build.onResolve({ filter: /^node:child_process$/ }, ({ path, importer }) =>
      /node_modules.commander/.test(importer) ? { path, namespace: 'lazy' } : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: 'lazy' }, () => ({
      contents: "exports.spawn = (...argv) => require('node:child_process').spawn(...argv)",
    }))
  },
}

const apart = {
  name: 'the simulated kernel apart',
  setup(build) {
    const bundles = { sim: './simulation.cjs', player: './player.cjs' }
    build.onResolve({ filter: /\/backends\/(sim|player)\/open\.ts$/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path: bundles[path.split('/').at(-2)], external: true } : undefined,
    )
    build.onResolve({ filter: /^\.\/simulated\/main\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './simulated.cjs', external: true } : undefined,
    )
  },
}

// One CommonJS file for each: it starts faster than ES modules, and than several files. What the sources reach
// through `import()` lies in the file as a function that V8 compiles when it is called, so it costs a start nothing.
async function bundle() {
  const { build } = await import('esbuild')
  const { tellable } = await import('./telling/plugin.mjs')
  const { simulated, ...others } = entries
  const outputs = await Promise.all([
    build(optionsOf(others, [])),
    // Its machines are kept as snapshots, too.
    build(optionsOf({ simulated }, [tellable(root)])),
  ])
  const files = outputs.flatMap(({ outputFiles }) => outputFiles)
  return files.map((file) => ({ name: file.path.slice(dist.length + 1), code: file.text }))
}

function optionsOf(entries, plugins) {
  return {
    absWorkingDir: root,
    entryPoints: Object.entries(entries).map(([name, source]) => ({ in: source, out: name })),
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    // The launcher runs the bundle as a script, in which `import()` is not answered: `require` is.
    supported: { 'dynamic-import': false },
    outdir: dist,
    outExtension: { '.js': '.cjs' },
    external,
    plugins: [lazyChildProcess, apart, ...plugins],
    // The place of the file instead of the module's: code that looks for files beside itself looks upwards from there.
    define: {
      'import.meta.url': '__moduleUrl',
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
    },
    banner: { js: "const __moduleUrl='file://'+encodeURI(__filename).replace(/[?#]/g,encodeURIComponent);" },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'error',
    logLimit: 3,
    mainFields: ['module', 'main'],
  }
}

// Programs may be running from dist while it is made anew: by rename, and what is no longer made goes last.
async function writeDist(files) {
  for (const { name, code } of files) {
    const path = join(dist, name)
    mkdirSync(dirname(path), { recursive: true })
    if (existsSync(path) && (await readFile(path, 'utf8')) === code) continue
    await writeFile(`${path}.${process.pid}`, code)
    await rename(`${path}.${process.pid}`, path)
  }
  const kept = new Set(files.map(({ name }) => name.split('/')[0]))
  for (const name of readdirSync(dist)) if (!kept.has(name)) rmSync(join(dist, name), { force: true, recursive: true })
}

const options = new Set(process.argv.slice(2))
const wanted = options.has('--pack') ? ['x64', 'arm64'] : process.platform === 'linux' ? [process.arch] : ['x64']

async function buildDist() {
  if (options.has('--install') && !existsSync(join(root, 'node_modules/esbuild'))) {
    return ['dist was not built, because the development packages are not installed; the sources run as they are']
  }
  await writeDist([...(await bundle()), ...(await browserBundle(root))])
  return []
}

// What a build that was killed has left: its number is in the name.
function removeStale(folder) {
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const pid = /\.(\d+)(?:\.mjs)?$/.exec(name)?.[1]
    if (pid && !isRunning(Number(pid))) rmSync(join(folder, name), { force: true, recursive: true })
  }
}

function isRunning(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

// The programs of the simulated machine, and its images. Their build script is TypeScript, which an older Node does not run by itself.
// They take half a minute, which whoever only installs does not wait for.
async function makeGuests() {
  if (options.has('--install') && !options.has('--guests')) return []
  if (!existsSync(join(root, 'node_modules/@yowasp/clang'))) return []
  const { build } = await import('esbuild')
  const place = join(root, 'prebuilds')
  for (const folder of [place, join(place, 'guests')]) removeStale(folder)
  const script = join(place, `guests-build.${process.pid}.mjs`)
  await build({
    absWorkingDir: root,
    stdin: {
      contents: "export * from './guests/build.ts'; export * from './images/build.ts'",
      resolveDir: join(root, 'scripts'),
    },
    bundle: true,
    outfile: script,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'error',
  })
  try {
    const { buildGuests, buildImages } = await import(pathToFileURL(script).href)
    await buildGuests(root, { force: options.has('--force') })
    buildImages(root)
  } finally {
    rmSync(script, { force: true })
  }
  return []
}

// One that fails does not keep the other from being made.
for (const { value, reason } of await Promise.allSettled([
  buildNatives({ wanted, force: options.has('--force') }),
  buildDist(),
  makeGuests(),
])) {
  for (const line of value ?? []) console.error(`vitrine: ${line}`)
  if (reason !== undefined) {
    console.error(`vitrine: the build failed: ${reason.message.split('\n')[0]}`)
    process.exitCode = 1
  }
}
