// For `node --import`: the sources of the simulated kernel run tellable, as the build makes them.

import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { makeTellable, wanted } from './pass.mjs'

const root = join(import.meta.dirname, '../..')
const telling = pathToFileURL(join(root, 'sim/snapshot/telling.ts')).href

registerHooks({
  load(url, context, next) {
    const name = url.startsWith('file:') ? fileURLToPath(url).slice(root.length + 1) : ''
    if (!wanted(name)) return next(url, context)
    const source = makeTellable(readFileSync(fileURLToPath(url), 'utf8'), name, telling)
    return { format: 'module', source, shortCircuit: true }
  },
})
