// From somebody else's C sources to a component of the guests' world: linked with wasi-libc, whose imports are defined over the
// contract (backends/sim/guests/wasi), so that none of WASI is left.

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { compileForWasi } from './clang.ts'
import { componentOf } from './component.ts'
import { headerText } from './header.ts'

const always = [
  '-nostartfiles',
  '-Iwasi/include',
  '-Iinclude',
  '-D_WASI_EMULATED_SIGNAL',
  '-D_WASI_EMULATED_PROCESS_CLOCKS',
  '-Wno-int-to-pointer-cast',
  '-Wno-deprecated-declarations',
  '-Wl,--no-entry',
  '-Wl,-z,stack-size=262144',
  '-lwasi-emulated-signal',
  '-lwasi-emulated-process-clocks',
]

/**
 * @param root - of the repository
 * @param sources - by path; those that end in .c are compiled
 * @errors Error with what the compiler says
 */
export async function componentWithLibc(
  root: string,
  sources: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Promise<Uint8Array> {
  return await componentOf(await compileForWasi({ ...layer(root), ...sources }, [...always, ...flags]))
}

/** What defines the imports of wasi-libc. */
export function layer(root: string): Record<string, string> {
  const guests = join(root, 'backends/sim/guests')
  const files = readdirSync(join(guests, 'wasi'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort()
  return {
    'include/calls.h': headerText(),
    ...Object.fromEntries(files.map((path) => [relative(guests, path), readFileSync(path, 'utf8')])),
  }
}
