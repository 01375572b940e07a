#!/usr/bin/env node
// Starts vitrine in a Node that can run it. Old syntax only: an old Node must get as far as the sentence below.
'use strict'

var oldest = 24
if (parseInt(process.versions.node, 10) >= oldest) start()
else startElsewhere()

function start() {
  var fs = require('fs')
  var path = require('path')
  var bundle = path.join(__dirname, '../dist/vitrine.cjs')
  if (process.env.VITRINE_SOURCES || !fs.existsSync(bundle)) {
    import('../cli/main.ts').then(run, fail)
    return
  }
  useCompileCache(fs)
  run(require(bundle))
}

function run(program) {
  program.main(process.argv.slice(2)).then((code) => {
    process.exitCode = code
  }, fail)
}

function fail(error) {
  process.stderr.write('vitrine: ' + ((error && error.stack) || error) + '\n')
  process.exitCode = 125
}

// V8's code cache belongs to whoever may write the directory, so it is used only when that is us alone.
function useCompileCache(fs) {
  var base = process.env.XDG_CACHE_HOME || (process.env.HOME && process.env.HOME + '/.cache')
  if (!base || base[0] !== '/' || !process.geteuid) return
  var directory = base + '/vitrine'
  try {
    var stat = fs.lstatSync(directory, { throwIfNoEntry: false })
    if (!stat) {
      fs.mkdirSync(directory, { recursive: true, mode: 448 })
      stat = fs.lstatSync(directory)
    }
    if (!stat.isDirectory() || stat.uid !== process.geteuid() || (stat.mode & 18) !== 0) return
  } catch (_) {
    return // A read-only or foreign home: only the speed is lost.
  }
  require('module').enableCompileCache(directory)
}

// Where npm puts a Node of its own: package `node`, or the package of one platform that it stands for.
function findNode() {
  var fs = require('fs')
  var path = require('path')
  var packages = ['node-' + process.platform + '-' + process.arch, 'node']
  for (var at = path.dirname(__dirname); ; at = path.dirname(at)) {
    for (var i = 0; i < packages.length; i++) {
      var candidate = path.join(at, 'node_modules', packages[i], 'bin/node')
      if (fs.existsSync(candidate)) return candidate
    }
    if (path.dirname(at) === at) return undefined
  }
}

function startElsewhere() {
  var node = findNode()
  if (!node) {
    process.stderr.write(
      'vitrine needs Node ' +
        oldest +
        ' or newer; this is ' +
        process.version +
        ' (' +
        process.execPath +
        '): install it, or run `npm install node@' +
        oldest +
        '` beside vitrine\n',
    )
    process.exit(125)
  }
  var argv = [__filename].concat(process.argv.slice(2))
  if (process.execve) process.execve(node, [node].concat(argv), process.env)
  var child = require('child_process').spawn(node, argv, { stdio: 'inherit' })
  var signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGWINCH', 'SIGCONT']
  signals.forEach((signal) => {
    process.on(signal, () => {
      // A terminal sends these to the whole foreground group, the child included.
      var fromTerminal = signal === 'SIGINT' || signal === 'SIGQUIT' || signal === 'SIGWINCH'
      if (!fromTerminal || !process.stdin.isTTY) child.kill(signal)
    })
  })
  child.on('error', (error) => {
    process.stderr.write('vitrine: run ' + node + ': ' + error.message + '\n')
    process.exitCode = 125
  })
  child.on('exit', (code, signal) => {
    process.exitCode = signal ? 128 + require('os').constants.signals[signal] : code
    // The listeners above would keep nothing alive, but the streams might.
    process.exit()
  })
}
