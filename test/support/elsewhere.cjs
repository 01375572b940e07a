// Preloaded by --require: this Node says that it is another system's, and tells at its end what of it was used.
'use strict'

const fs = require('node:fs')
const Module = require('node:module')

const { VITRINE_ELSEWHERE: platform, VITRINE_TOLD: told } = process.env
const loaded = new Set()
const asked = new Set()

Object.defineProperty(process, 'platform', { value: platform })
if (platform === 'win32')
  for (const name of ['geteuid', 'getegid', 'getuid', 'getgid', 'getgroups', 'execve', 'umask'])
    process[name] = undefined

const load = Module._load
Module._load = function (name, ...rest) {
  loaded.add(name)
  return load.call(this, name, ...rest)
}
process.dlopen = (_, path) => {
  throw new Error(`machine code is loaded: ${path}`)
}

/** Files that only Linux has, or that every system has elsewhere. */
const ofLinux = /^\/(proc|sys|dev|etc|run|var|usr|bin|sbin|lib)(\/|$)/
for (const functions of [fs, fs.promises])
  for (const [name, before] of Object.entries(functions))
    if (typeof before === 'function' && /^[a-z]/.test(name))
      functions[name] = function (path, ...rest) {
        if (typeof path === 'string' && ofLinux.test(path)) asked.add(`${name} ${path}`)
        return Reflect.apply(before, this, [path, ...rest])
      }

process.on('exit', () => {
  const { sharedObjects } = process.report.getReport()
  fs.writeFileSync(told, JSON.stringify({ loaded: [...loaded], asked: [...asked], sharedObjects }))
})
