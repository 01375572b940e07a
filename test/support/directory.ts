// Temporary directories that go when their test ends.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Hands a new empty directory to `use`, and removes it with all that is in it, however `use` ends. */
export async function withTemporaryDirectory<T>(use: (directory: string) => Promise<T> | T): Promise<T> {
  const directory = await mkdtemp(join(process.env.VITRINE_TEST_DIRECTORY ?? tmpdir(), 'vitrine-'))
  try {
    return await use(directory)
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 })
  }
}
