// Programs of the host that are told something and answer: on the real kernel.

import { readdirSync, readlinkSync } from 'node:fs'
import { expect } from 'vitest'
import { openHost, readEnvironment } from '../../cli/host.ts'
import { captureProgram } from '../../core/engine/capture.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, natives: true })

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const shell = (script: string, options = {}) =>
  captureProgram(openHost(readEnvironment()), ['/bin/sh', '-c', script], options)

function pipes(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('pipe:') ? [fd] : []
    } catch {
      return []
    }
  })
}

describe('a program that is told something', () => {
  it('reads its input to the end, and its streams and its exit code are told apart', async () => {
    const { code, stdout, stderr } = await shell('cat; echo no >&2; exit 3', { input: 'yes' })
    expect([code, text(stdout), text(stderr)]).toEqual([3, 'yes', 'no\n'])
  })

  it('reads nothing when nothing is given', async () => {
    expect(text((await shell('cat; echo end')).stdout)).toBe('end\n')
  })

  it('gets an input and gives an output that are larger than a pipe', async () => {
    const input = 'x'.repeat(500_000)
    const { stdout } = await shell('cat', { input })
    expect(text(stdout)).toBe(input)
  })

  it('need not read its input', async () => {
    expect((await shell('exec <&-; echo done', { input: 'x'.repeat(500_000) })).code).toBe(0)
  })

  it('is killed when it does not stop writing', async () => {
    await expect(shell('yes', { limitBytes: 100_000 })).rejects.toThrow('wrote more than an answer, and was killed')
  })

  it('is not waited for by its background, which has the streams open', async () => {
    const { stdout } = await shell('sleep 30 & echo $!')
    const pid = Number(text(stdout))
    expect(pid).toBeGreaterThan(1)
    process.kill(pid, 'SIGKILL')
  })

  it('dies by a signal as programs do, since none is ignored', async () => {
    expect((await shell('kill -PIPE $$; echo alive')).code).toBe(128 + 13)
  })

  it('is not there', async () => {
    await expect(captureProgram(openHost(readEnvironment()), ['/nowhere/program', 'get'])).rejects.toThrow(
      /cannot run \/nowhere\/program get: .*ENOENT/,
    )
  })

  it('leaves no pipe behind, however it ends', async () => {
    const before = pipes()
    await shell('true')
    await shell('yes', { limitBytes: 10 }).catch(() => {})
    await captureProgram(openHost(readEnvironment()), ['/nowhere/program']).catch(() => {})
    expect(pipes()).toEqual(before)
  })
})
