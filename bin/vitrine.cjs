#!/usr/bin/env -S node --min-semi-space-size=16 --
// Starts vitrine, or vitrine-oci where that is what was called, in a Node that can run it. Node 12's syntax only: an old Node must get as far as the sentence below.
// Above: a nursery (MiB) that holds all that one command makes saves two collections, 5 ms. `--`: without it Node takes a container's --env-file for its own, wherever on the command line it stands.
'use strict'

const fs = require('fs')
const path = require('path')

const name = path.basename(require.main.filename, '.cjs')
const oldest = 24
if (parseInt(process.versions.node, 10) >= oldest) start()
else startElsewhere()

// From a clone that was never built (or with VITRINE_SOURCES set) the sources run as they are.
function start() {
  const bundle = path.join(__dirname, `../dist/${name}.cjs`)
  if (process.env.VITRINE_SOURCES || !fs.existsSync(bundle)) {
    import(name === 'vitrine' ? '../cli/main.ts' : '../cli/oci/main.ts').then(run, fail)
  } else {
    const { program, keepCode } = load(bundle)
    run(program, keepCode)
  }
}

function run(program, keepCode) {
  const argv = process.argv.slice(2)
  program.main(argv, keepCode).then((code) => {
    process.exitCode = code
    if (keepCode) keepCode()
  }, fail)
}

function fail(error) {
  process.stderr.write(`${name}: ${(error && error.stack) || error}\n`)
  process.exitCode = 125
}

// Loads the bundle with the code that V8 compiled for the same command before. Node's own compile cache keeps what was
// compiled when the file was loaded; most functions are compiled when they are first called, a third of a command's time.
function load(bundle) {
  const { Script } = require('vm')
  const source = fs.readFileSync(bundle, 'latin1') // The bundle is ASCII.
  const cache = cacheFile(bundle)
  let cachedData
  try {
    if (cache) cachedData = fs.readFileSync(cache)
  } catch (_) {
    // The first time.
  }
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
    filename: bundle,
    cachedData,
  })
  const module = { exports: {} }
  const bundleRequire = require('module').createRequire(bundle)
  script.runInThisContext()(module.exports, bundleRequire, module, bundle, path.dirname(bundle))
  const known = cachedData && !script.cachedDataRejected
  return { program: module.exports, keepCode: cache && !known ? () => keep(cache, script) : undefined }
}

// Whole or not at all; a disk that is full or read-only costs speed only.
function keep(cache, script) {
  const draft = `${cache}.${process.pid}`
  try {
    fs.writeFileSync(draft, script.createCachedData(), { mode: 0o600 })
    fs.renameSync(draft, cache)
    removeOld(path.dirname(cache))
  } catch (_) {
    fs.rmSync(draft, { force: true })
  }
}

// What no state of any bundle has used for a month.
function removeOld(directory) {
  for (const name of fs.readdirSync(directory)) {
    const file = path.join(directory, name)
    const stat = fs.lstatSync(file)
    if (stat.isFile() && Date.now() - stat.atimeMs > 30 * 86400 * 1000) fs.unlinkSync(file)
  }
}

// One file for each command, Node, and state of the bundle. Such a file can hold any program, so it is used only where
// nobody else may write.
function cacheFile(bundle) {
  const base = process.env.XDG_CACHE_HOME || (process.env.HOME && `${process.env.HOME}/.cache`)
  if (!base || base[0] !== '/' || !process.geteuid) return undefined
  const directory = `${base}/vitrine`
  try {
    let stat = fs.lstatSync(directory, { throwIfNoEntry: false })
    if (!stat) {
      fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
      stat = fs.lstatSync(directory)
    }
    if (!stat.isDirectory() || stat.uid !== process.geteuid() || (stat.mode & 0o022) !== 0) return undefined
    const { size, mtimeMs, ino } = fs.statSync(bundle)
    const command = process.argv.slice(2).find((word) => /^[a-z]{2,10}$/.test(word)) || 'none'
    const flags = process.execArgv.join('').replace(/[^a-z0-9]/g, '')
    return `${directory}/${name}-${command}-${process.version}-${process.arch}-${flags}-${size}-${ino}-${Math.floor(mtimeMs)}`
  } catch (_) {
    return undefined // A home that is not ours.
  }
}

// Where npm puts a Node of its own: the package of one platform, or package `node`, which stands for all of them.
function findNode() {
  const packages = [`node-${process.platform}-${process.arch}`, 'node']
  for (let at = path.dirname(__dirname); ; at = path.dirname(at)) {
    for (const name of packages) {
      const candidate = path.join(at, 'node_modules', name, 'bin/node')
      if (fs.existsSync(candidate)) return candidate
    }
    if (path.dirname(at) === at) return undefined
  }
}

function startElsewhere() {
  const node = findNode()
  if (!node) {
    const is = `this is ${process.version} (${process.execPath})`
    const what = 'install one, or run `npm install node@26` beside vitrine'
    process.stderr.write(`${name} needs Node ${oldest} or newer; ${is}: ${what}\n`)
    process.exit(125)
  }
  const argv = ['--min-semi-space-size=16', '--', require.main.filename].concat(process.argv.slice(2))
  if (process.execve) process.execve(node, [node].concat(argv), process.env)
  const child = require('child_process').spawn(node, argv, { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGWINCH', 'SIGCONT']) {
    // A terminal sends its own signals to the whole foreground group, the child included.
    const fromTerminal = process.stdin.isTTY && ['SIGINT', 'SIGQUIT', 'SIGWINCH'].includes(signal)
    process.on(signal, () => fromTerminal || child.kill(signal))
  }
  child.on('error', (error) => {
    process.stderr.write(`${name}: run ${node}: ${error.message}\n`)
    process.exit(125)
  })
  child.on('exit', (code, signal) => process.exit(signal ? 128 + require('os').constants.signals[signal] : code))
}
