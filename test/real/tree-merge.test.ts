// Several directories laid over each other are seen as overlayfs shows them.

import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect } from 'vitest'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'
import { archiveOf, entriesIn, setXattr, whiteout } from '../support/trees.ts'

const { describe, it } = skipUnless({
  linux: true,
  root: true,
  natives: true,
  filesystems: ['overlay'],
  programs: ['python3', 'unshare'],
})

const names = ['a', 'b', 'c']
type Node = 'file' | 'gone' | { readonly opaque: boolean; readonly children: Readonly<Record<string, Node>> }
const { node } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    fc.constantFrom<Node>('file', 'gone'),
    fc.record({
      opaque: fc.boolean(),
      children: fc.dictionary(fc.constantFrom(...names), tie('node'), { maxKeys: 3 }),
    }),
  ),
}))
const layer = fc.dictionary(fc.constantFrom(...names), node, { maxKeys: 3 })

function build(root: string, children: Readonly<Record<string, Node>>, text: string): void {
  mkdirSync(root)
  for (const [name, node] of Object.entries(children)) {
    const path = join(root, name)
    if (node === 'file') writeFileSync(path, text)
    else if (node === 'gone') whiteout(path)
    else {
      build(path, node.children, text)
      if (node.opaque) setXattr(path, 'trusted.overlay.opaque', '79')
    }
  }
}

/** Where only one layer has a directory, overlayfs lists its whiteouts, and finds nothing under those names. */
const look = `
import os,sys
for top, directories, files in os.walk(sys.argv[1]):
    print(top[len("merged/"):] + "/")
    for name in files:
        path = os.path.join(top, name)
        if os.path.lexists(path): print(path[len("merged/"):], open(path).read())
`

describe('directories laid over each other', () => {
  it('are seen as overlayfs shows them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(layer, { minLength: 2, maxLength: 4 }), async (layers) => {
        await withTemporaryDirectory(async (directory) => {
          const paths = layers.map((_, index) => join(directory, `layer${index}`))
          for (const [index, path] of paths.entries()) build(path, layers[index]!, `${index}`)
          mkdirSync(join(directory, 'merged'))
          const script = `mount -t overlay -o lowerdir=${paths.join(':')} none merged && exec python3 -c '${look}' merged`
          const seen = execFileSync('unshare', ['-m', 'sh', '-c', script], { cwd: directory, encoding: 'utf8' })
          const entries = [...(await entriesIn((await archiveOf(paths)).bytes)).values()]
          const ours = entries.map(({ path, type, text }) =>
            type === 'directory' ? path.replace('./', '/') : `${path} ${text}`,
          )
          expect(ours.sort()).toEqual(seen.trimEnd().split('\n').sort())
        })
      }),
      { numRuns: 12 },
    )
  })
})
