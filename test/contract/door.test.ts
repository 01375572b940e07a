// What every kernel behind the door does, whoever it is.

import { describe, expect, it } from 'vitest'
import { close, list, O, open, readText, removeTree, stat, writeAll, writeAtomically } from '../../core/files.ts'
import { kernels } from '../support/kernels.ts'

for (const { name, missing, open: openKernel, withDirectory } of kernels) {
  describe.skipIf(missing !== undefined)(`the door to ${name}${missing === undefined ? '' : `: ${missing}`}`, () => {
    const kernel = missing === undefined ? openKernel() : undefined!

    it('answers a call with a value, and a refused one with the errno by name', () => {
      expect(kernel.call({ name: 'getpid' })).toMatchObject({ value: expect.any(Number) })
      expect(kernel.call({ name: 'close', fd: 9999 })).toMatchObject({ errno: 'EBADF' })
      const absent = kernel.call({ name: 'openat', dirfd: -100, pathname: '/absent', flags: 0, mode: 0 })
      expect(absent).toMatchObject({ errno: 'ENOENT' })
    })

    it('refuses a string with a NUL in it, since the kernel would read another string', () => {
      expect(() => kernel.call({ name: 'chdir', path: '/tmp\0/x' })).toThrow(/NUL/)
    })

    it('writes, reads, lists and removes files', () =>
      withDirectory(kernel, (directory) => {
        const path = `${directory}/file`
        writeAtomically(kernel, path, 'first')
        writeAtomically(kernel, path, 'second')
        expect(readText(kernel, path)).toBe('second')
        expect(list(kernel, directory)).toEqual(['file'])
        expect(stat(kernel, path)).toMatchObject({ size: 6, nlink: 1 })
        expect(stat(kernel, `${path}/below`)).toBeUndefined()
        removeTree(kernel, directory)
        expect(stat(kernel, directory)).toBeUndefined()
      }))

    it('cuts a write that is longer than a call can carry, as write(2) may, and writeAll goes on', () =>
      withDirectory(kernel, (directory) => {
        const content = new Uint8Array(3_000_000).map((_, i) => i)
        const fd = open(kernel, `${directory}/long`, O.WRONLY | O.CREAT, 0o600)
        writeAll(kernel, fd, content, 'long')
        close(kernel, fd)
        expect(stat(kernel, `${directory}/long`)?.size).toBe(content.length)
      }))

    it('does not follow links when it removes a tree', () =>
      withDirectory(kernel, (directory) => {
        for (const inside of ['kept', 'gone'])
          kernel.call({ name: 'mkdirat', dirfd: -100, pathname: `${directory}/${inside}`, mode: 0o755 })
        writeAtomically(kernel, `${directory}/kept/file`, 'x')
        kernel.call({ name: 'symlinkat', target: '../kept', newdirfd: -100, linkpath: `${directory}/gone/link` })
        removeTree(kernel, `${directory}/gone`)
        expect(list(kernel, directory)).toEqual(['kept'])
        expect(list(kernel, `${directory}/kept`)).toEqual(['file'])
      }))

    it('stops a batch at the first refusal and says which call it was', () => {
      const { outcomes, failed } = kernel.batch([
        { name: 'getpid' },
        { name: 'uname', buf: 390 },
        { name: 'close', fd: 9999 },
        { name: 'getpid' },
      ])
      expect(failed).toBe(2)
      expect(outcomes).toHaveLength(3)
      expect(new TextDecoder().decode((outcomes[1] as { data: Uint8Array }).data)).toMatch(/^Linux\0/)
    })

    it('waits for input without holding up the program', async () => {
      const made = kernel.call({ name: 'pipe2', pipefd: 8, flags: 0o2000000 })
      const ends = new Int32Array((made as { data: Uint8Array }).data.slice().buffer)
      const [from, to] = [ends[0]!, ends[1]!]
      const reading = kernel.wait({ name: 'read', fd: from, buf: 16 })
      kernel.call({ name: 'write', fd: to, buf: 'late' })
      expect(await reading).toMatchObject({ value: 4 })
      close(kernel, from)
      close(kernel, to)
    })
  })
}
