// The program and the images of simulated machines, as the build has made them, beside this program.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import type { MachineParts } from '../../backends/sim/machine.ts'
import { guest } from '../../backends/sim/wasm/process.ts'
import { load, type Prepared } from '../../backends/sim/wasm/program.ts'
import { UserError } from '../../core/errors.ts'
import { prebuiltDirectory } from './places.ts'

interface GuestIndex {
  /** Of all that it was made of. */
  readonly key: string
  readonly tools: readonly string[]
  readonly plan: Prepared['plan']
  readonly modules: readonly {
    readonly file: string
    readonly globals?: readonly string[]
    readonly memoryBytes?: number
  }[]
}

export interface OwnParts extends Omit<MachineParts, 'seed'> {
  /** Machines that were made with another one do not replay. */
  readonly key: string
  /** The version of what makes programs of components. */
  readonly passes: string
}

/** @errors UserError when the build has not made them */
export function readOwnParts(): OwnParts {
  const directory = prebuiltDirectory()
  try {
    const place = join(directory, 'guests/box')
    const { key, tools, modules, plan } = JSON.parse(readFileSync(join(place, 'index.json'), 'utf8')) as GuestIndex
    const prepared = modules.map(({ file, ...rest }) => [file, { ...rest, bytes: bytesOf(join(place, file)) }] as const)
    const program = guest(load({ plan, modules: Object.fromEntries(prepared) }))
    const images = imagesIn(directory)
    const index = createHash('sha256').update(images.get('index.json')!).digest('hex')
    const passes = key.slice(0, 16)
    return {
      key: `${key} ${index}`,
      passes,
      box: { content: bytesOf(join(place, 'component.wasm')), program, tools },
      images,
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new UserError(`read ${(error as NodeJS.ErrnoException).path}: it is not there: run node scripts/build.mjs`)
  }
}

function imagesIn(directory: string): Map<string, Uint8Array> {
  const place = join(directory, 'images')
  const files = readdirSync(place, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort()
  return new Map(paths.map((path) => [relative(place, path).split(sep).join('/'), bytesOf(path)]))
}

const bytesOf = (path: string): Uint8Array => new Uint8Array(readFileSync(path))
