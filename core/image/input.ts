// What the user gives to be read: a file, a pipe whose bytes may be long in coming, or whatever standard input is.

import { must } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'

const POLLIN = 1
const chunkBytes = 65536

/** The bytes of a descriptor from where it stands, to the end. */
export async function* inputBytes(kernel: Kernel, fd: number, title: string): AsyncGenerator<Uint8Array> {
  for (;;) {
    const read = await kernel.wait({ name: 'read', fd, buf: chunkBytes })
    // Whoever shares a pipe may have made it one that does not wait.
    if (refused(read) && read.errno === 'EAGAIN') {
      const fds = [{ fd, events: POLLIN }]
      await kernel.wait({ name: 'ppoll', fds, tmo_p: null, sigmask: 0, sigsetsize: 8 })
      continue
    }
    if (refused(read) && read.errno === 'EINTR') continue
    const { value, data } = must(read, `read ${title}`)
    if (value === 0) return
    yield data!
  }
}
