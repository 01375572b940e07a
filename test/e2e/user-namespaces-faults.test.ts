// User namespaces of root's containers when many are made at once, and when whoever makes them is killed over it.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { expectUnchanged, type Ground, killedAfter, randomFrom, seed } from '../support/faults.ts'
import { hostState } from '../support/host.ts'
import { isUserModeLinux, skipUnless } from '../support/needs.ts'
import { image, needsContainers, openSession } from '../support/session.ts'

const { describe, it } = skipUnless({
  ...needsContainers,
  release: '6.3',
  capabilities: ['SYS_ADMIN'],
  namespaces: ['user'],
})

interface Range {
  readonly first: number
  readonly count: number
}

const overlap = (a: Range, b: Range) => a.first < b.first + b.count && b.first < a.first + a.count

describe('user namespaces of root', () => {
  const { ok, waiting, remove, directory } = openSession()
  const containers = join(directory, 'root/containers')
  const rangeOf = (pid: number): Range => {
    const [, first, count] = readFileSync(`/proc/${pid}/uid_map`, 'utf8').trim().split(/\s+/).map(Number)
    return { first: first!, count: count! }
  }
  /** What the containers that are there have claimed; one whose command was killed early has a directory and no claim. */
  const claims = () =>
    readdirSync(containers)
      .filter((id) => readdirSync(join(containers, id)).includes('ids'))
      .map((id) => readlinkSync(join(containers, id, 'ids')))

  it('that are made at the same time have ranges of their own', async () => {
    const count = isUserModeLinux() ? 4 : 10
    const names = Array.from({ length: count }, (_, i) => `many${i}`)
    const made = await Promise.all(names.map((name, i) => waiting(name, [`--userns=auto:size=${1000 + 777 * i}`])))
    const ranges = made.map(({ pid }) => rangeOf(pid))
    expect(ranges.map((range) => range.count)).toEqual(names.map((_, i) => 1000 + 777 * i))
    for (const [i, a] of ranges.entries())
      for (const b of ranges.slice(i + 1)) expect(overlap(a, b), JSON.stringify([a, b])).toBe(false)
    await remove(...names)
  })

  it(`leave nothing and keep no range when their command is killed at any moment (seed ${seed})`, async () => {
    const before = hostState([])
    const random = randomFrom(seed)
    const kills = isUserModeLinux() ? 4 : 12
    const longest = isUserModeLinux() ? 1500 : 400
    for (let i = 0; i < kills; i++) {
      const argv = ['run', '-d', `--name=killed${i}`, '--network=none', '--userns=auto', image, 'sleep', '1000']
      await killedAfter({ directory } as Ground, argv, random() * longest)
      const ranges = claims().map((claim) => Number(/^uid=(\d+):65536 /.exec(claim)![1]))
      expect(new Set(ranges).size, `seed ${seed}`).toBe(ranges.length)
    }
    await ok(['ps', '-a'])
    for (const id of readdirSync(containers)) expect(readdirSync(join(containers, id))).toContain('state.json')
    await ok(['rm', '-f', '-a', '-t', '0'])
    expect(readdirSync(containers)).toEqual([])
    const { pid, name } = await waiting('first', ['--userns=auto'])
    expect(rangeOf(pid).first).toBe(1879048192)
    await remove(name)
    await expectUnchanged(before)
  })
})
