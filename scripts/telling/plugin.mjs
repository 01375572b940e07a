// For esbuild and vite: a bundle, and tests, in which the simulated kernel is tellable.

import { readFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { makeTellable, wanted } from './pass.mjs'

/** @param root - of the project */
export const tellable = (root) => ({
  name: 'tellable',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const name = relative(root, path).split(sep).join('/')
      if (!wanted(name)) return undefined
      const contents = makeTellable(await readFile(path, 'utf8'), name, join(root, 'sim/snapshot/telling.ts'))
      return { contents, loader: 'js', resolveDir: dirname(path) }
    })
  },
})

/** @param root - of the project */
export const tellableModules = (root) => ({
  name: 'tellable',
  enforce: 'pre',
  transform(source, id) {
    const name = relative(root, id).split(sep).join('/')
    return wanted(name) ? makeTellable(source, name, join(root, 'sim/snapshot/telling.ts')) : undefined
  },
})
