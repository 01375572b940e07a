// A kernel that refuses one call of an import, each in its turn, or every call from one on: nothing half is ever in the
// index, the error is a sentence, and the next import finds everything as it should be.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { UserError } from '../../core/errors.ts'
import { removeImage } from '../../core/image/change.ts'
import { importImage } from '../../core/image/import.ts'
import { blobPath, listImages } from '../../core/image/store.ts'
import type { Kernel, Outcome } from '../../core/kernel.ts'
import type { Syscall } from '../../core/syscall.ts'
import type { TarMember } from '../fixtures/tar.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { archiveIn, storeIn, type TestStore } from '../support/images.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true })

const base: TarMember[] = [{ path: 'bin/sh', content: 'a shell', mode: 0o755 }]
const site: TarMember[] = [
  { path: 'www/index.html', content: 'hello' },
  { path: 'www/other', type: 'hardlink', link: 'www/index.html' },
  { path: 'bin/.wh.sh' },
  { path: 'link', type: 'symlink', link: 'www' },
]

/** The same kernel, asked whether it refuses a call; what has been opened is closed in any case, as Linux does. */
function refusing(kernel: Kernel, errno: 'EIO' | 'ENOSPC', refuses: (count: number) => boolean) {
  const calls: string[] = []
  const refuse = (call: Syscall): Outcome | undefined => {
    if (call.name === 'close') return undefined
    calls.push(call.name)
    return refuses(calls.length) ? { errno } : undefined
  }
  const proxy = new Proxy(kernel, {
    get(target, key) {
      if (key === 'call') return (call: Syscall) => refuse(call) ?? target.call(call)
      if (key === 'wait') return async (call: Syscall) => refuse(call) ?? (await target.wait(call))
      const value = target[key as keyof Kernel]
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { kernel: proxy as Kernel, calls }
}

function isSound({ host, images }: TestStore): void {
  const records = listImages(host)
  const blobs = readdirSync(join(images, 'blobs/sha256')).sort()
  expect(blobs).toEqual([...new Set(records.flatMap((record) => record.blobs))].sort())
  for (const hex of blobs)
    expect(
      createHash('sha256')
        .update(readFileSync(blobPath(host.root, hex)))
        .digest('hex'),
    ).toBe(hex)
  const layers = records.flatMap((record) => record.layers.map(({ diffId }) => diffId))
  expect(readdirSync(join(images, 'layers')).sort()).toEqual([...new Set(layers)].sort())
  expect(readdirSync(join(images, 'tmp'))).toEqual([])
}

describe('an import that the kernel refuses something', () => {
  for (const [what, errno, step, from] of [
    ['one call', 'EIO', 1, (at: number) => (count: number) => count === at],
    ['every call from one on', 'ENOSPC', 3, (at: number) => (count: number) => count >= at],
  ] as const) {
    it(`leaves the store as it was or with the image whole, and works the next time: ${what}`, {
      timeout: 120_000,
    }, async () => {
      await withTemporaryDirectory(async (directory) => {
        const first = archiveIn(directory, 'first', [base])
        const second = archiveIn(directory, 'second', [base, site])
        const store = storeIn(directory)
        await importImage(store.host, first)
        const firstAlone = [['localhost/first:latest']]
        const both = [...firstAlone, ['localhost/second:latest']]
        const opened = readdirSync('/proc/self/fd').length
        for (let at = 1, ended = false; !ended; at += step) {
          const { kernel, calls } = refusing(store.host.kernel, errno, from(at))
          const error = await importImage({ ...store.host, kernel }, second).then(
            () => undefined,
            (thrown: unknown) => thrown,
          )
          ended = calls.length < at
          const said = `call ${at}, ${calls[at - 1]}: ${(error as Error | undefined)?.stack}`
          if (error !== undefined) expect(error, said).toBeInstanceOf(UserError)
          const names = listImages(store.host).map((record) => record.names)
          // What comes after the index was written may fail: sweeping.
          expect(error === undefined ? [both] : [firstAlone, both], said).toContainEqual(names)
          expect((await importImage(store.host, second)).layers.length, said).toBe(2)
          isSound(store)
          await removeImage(store.host, 'second', { inUse: () => [] })
          isSound(store)
        }
        expect(readdirSync('/proc/self/fd').length).toBe(opened)
      })
    })
  }
})
