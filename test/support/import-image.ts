// Imports an image in a process of its own, so that a test can kill it: `node import-image.ts DIRECTORY SOURCE`.

import { importImage } from '../../core/image/import.ts'
import { storeIn } from './images.ts'

const [, , directory, source] = process.argv as [string, string, string, string]
const store = storeIn(directory)
// Whoever times what follows starts now.
process.stdout.write('ready\n')
const record = await importImage(store.host, source)
process.stdout.write(`${JSON.stringify({ record, warnings: store.warnings })}\n`)
