// Imports an image and prunes all, again and again, in a process of its own, until a file is there:
// `node prune-images.ts DIRECTORY SOURCE FILE`.

import { existsSync } from 'node:fs'
import { imageHost } from '../../core/engine/image-host.ts'
import { pruneImages } from '../../core/engine/image-prune.ts'
import { importImage } from '../../core/image/import.ts'
import { openEngine } from './engine.ts'

const [, , directory = '', source = '', end = ''] = process.argv
const { host, settings } = openEngine(directory)
const options = { all: true, filters: [], moment: () => 0 }
let removed = 0
while (!existsSync(end)) {
  await importImage(imageHost(host, settings), source)
  await host.sleep(2)
  removed += (await pruneImages(host, settings, options)).removed.length
}
process.stdout.write(`${removed}\n`)
