// export: a container's root file system as one archive. podman-export(1).

import { writeOutput } from '../image/output.ts'
import { treeTar } from '../image/tree-tar.ts'
import { layersOfContainer, marksOf, ownersOf } from './container-tree.ts'
import type { Host, Settings } from './host.ts'
import { withContainer } from './open.ts'

/**
 * Writes what a container sees as its root file system, without what is mounted in it (volumes, /proc). Its layers are put
 * together while they are read: nothing is mounted, and it may run meanwhile.
 *
 * @param to - a path, or whoever takes the bytes as they come
 * @errors UserError when there is no such container, or a file cannot be read or written; then no file is left
 */
export async function exportContainer(
  host: Host,
  settings: Settings,
  container: string,
  to: string | ((bytes: Uint8Array) => void),
): Promise<void> {
  const { kernel, warn } = host
  await withContainer(host, settings, container, async (stored) => {
    const title = `export ${stored.record.name}`
    const options = { view: 'merged', marks: marksOf(host), title, ...ownersOf(host), warn } as const
    const archive = treeTar(kernel, layersOfContainer(stored), options)
    if (typeof to === 'string') await writeOutput(kernel, to, archive)
    else for await (const part of archive) to(part)
  })
}
