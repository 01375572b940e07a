// The bundle for browsers: the simulated kernel, its guests, the engine and the commands, without any module of Node.

import { join } from 'node:path'

/** What speaks to a terminal, by Node: browser/instead.ts speaks to a page. From the repository's root. */
const instead = new Set([
  ...['attach', 'choose', 'confirm', 'context', 'help', 'output', 'progress', 'prompt'].map((name) => `cli/${name}.ts`),
  ...['cli/verbs/login.ts', 'cli/verbs/sim.ts', 'cli/verbs/search.ts', 'cli/simulated/main.ts'],
])

const withoutNode = (root) => ({
  name: 'without Node',
  setup(build) {
    const inBrowser = (name) => ({ path: join(root, 'browser', `${name}.ts`) })
    build.onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir }) => {
      const wanted = join(resolveDir, path).slice(root.length + 1)
      return instead.has(wanted) ? inBrowser('instead') : undefined
    })
    build.onResolve({ filter: /^node:tty$/ }, () => inBrowser('instead'))
  },
})

/** @param root - of the repository */
export async function browserBundle(root) {
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['browser/vitrine.ts'],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    outfile: join(root, 'dist/browser/vitrine.js'),
    inject: ['browser/set-immediate.ts'],
    define: {
      'process.stdout.isTTY': 'true',
      'process.platform': '"browser"',
      'process.arch': '"wasm"',
      'process.version': '""',
    },
    plugins: [withoutNode(root)],
    // Names of classes count in digests.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'error',
    logLimit: 3,
  })
  return outputFiles.map(({ text }) => ({ name: 'browser/vitrine.js', code: text }))
}
