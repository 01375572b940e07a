// Names, ids, locks and records on a real file system, with more than one process at work.

import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { openLinux } from '../../backends/linux/open.ts'
import { defaultRequest } from '../../core/spec/request.ts'
import { bootId, isAlive, markOf, processAlive } from '../../core/store/alive.ts'
import { lockDirectory, lockNewDirectory, tryLockDirectory } from '../../core/store/lock.ts'
import { claimName, idOfName, releaseName, resolveId } from '../../core/store/names.ts'
import { containerPaths } from '../../core/store/paths.ts'
import { newState, readEnding, readStored, writeRecord, writeState } from '../../core/store/record.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, natives: true })
const kernel = openLinux()
const one = `${'a1'.repeat(31)}00`
const two = `${'a1'.repeat(31)}11`

const within = (test: (settings: { root: string }) => Promise<void> | void) =>
  withTemporaryDirectory(async (root) => {
    mkdirSync(join(root, 'containers'))
    await test({ root })
  })

describe('names', () => {
  it('are claimed by one container only, and by making a link, so that two commands cannot both succeed', () =>
    within((settings) => {
      expect(claimName(kernel, settings, 'web', one)).toBe(true)
      expect(claimName(kernel, settings, 'web', two)).toBe(false)
      expect(readlinkSync(join(settings.root, 'names/web'))).toBe(one)
    }))

  it('are given back by their owner and nobody else', () =>
    within((settings) => {
      claimName(kernel, settings, 'web', one)
      releaseName(kernel, settings, 'web', two)
      expect(idOfName(kernel, settings, 'web')).toBe(one)
      releaseName(kernel, settings, 'web', one)
      expect(idOfName(kernel, settings, 'web')).toBeUndefined()
    }))

  it('never lead out of their directory', () =>
    within((settings) => {
      symlinkSync(one, join(settings.root, 'outside'))
      expect(idOfName(kernel, settings, '../outside')).toBeUndefined()
      expect(idOfName(kernel, settings, '..')).toBeUndefined()
    }))

  it('and ids and their beginnings are found, an ambiguous beginning is not', () =>
    within((settings) => {
      for (const id of [one, two]) mkdirSync(join(settings.root, 'containers', id))
      claimName(kernel, settings, 'web', two)
      expect(resolveId(kernel, settings, 'web')).toBe(two)
      expect(resolveId(kernel, settings, one)).toBe(one)
      expect(resolveId(kernel, settings, two.slice(0, 63))).toBe(two)
      expect(() => resolveId(kernel, settings, 'a1a1')).toThrow('container a1a1: 2 ids start with it; give more digits')
      expect(() => resolveId(kernel, settings, 'db')).toThrow(
        'no container with name or ID "db" found: no such container',
      )
    }))
})

describe('a lock', () => {
  it('on a new directory is not had when another command was faster: it may have removed it, as a half of a container', () =>
    withTemporaryDirectory(async (root) => {
      const directory = join(root, 'new')
      expect(lockNewDirectory(kernel, directory)).toBeUndefined()
      mkdirSync(directory)
      const other = (await lockDirectory(kernel, directory))!
      expect(lockNewDirectory(kernel, directory)).toBeUndefined()
      // Removed between the opening and the locking: there is a lock, but on nothing.
      const slow: typeof kernel = {
        ...kernel,
        call: (call) => {
          if (call.name === 'flock') {
            rmSync(directory, { recursive: true })
            other.release()
          }
          return kernel.call(call)
        },
      }
      expect(lockNewDirectory(slow, directory)).toBeUndefined()
      mkdirSync(directory)
      const own = lockNewDirectory(kernel, directory)!
      expect(tryLockDirectory(kernel, directory)).toBe('busy')
      own.release()
    }))

  it('is held by one, and waited for by the next', () =>
    within(async ({ root }) => {
      const first = (await lockDirectory(kernel, root))!
      expect(tryLockDirectory(kernel, root)).toBe('busy')
      const order: string[] = []
      const second = lockDirectory(kernel, root).then((lock) => {
        order.push('second')
        return lock!
      })
      await new Promise((resolve) => setTimeout(resolve, 30))
      order.push('first')
      first.release()
      const lock = await second
      lock.release()
      expect(order).toEqual(['first', 'second'])
    }))

  it('on a directory that was removed meanwhile is none, also when there is a new one of that name', () =>
    within(async ({ root }) => {
      const directory = join(root, 'containers', one)
      mkdirSync(directory)
      const first = (await lockDirectory(kernel, directory))!
      const second = lockDirectory(kernel, directory)
      rmSync(directory, { recursive: true })
      mkdirSync(directory)
      first.release()
      expect(await second).toBeUndefined()
      expect(await lockDirectory(kernel, join(root, 'nowhere'))).toBeUndefined()
    }))
})

describe('a record', () => {
  it('comes back as it was written, and half of one is none', () =>
    within((settings) => {
      const paths = containerPaths(settings, one)
      mkdirSync(paths.directory)
      const request = defaultRequest({ kind: 'rootfs', path: '/', overlay: true }, ['true'])
      const record = { version: 1, id: one, name: 'web', createdMs: 5, request, cgroupPath: `/vitrine/${one}` } as const
      writeRecord(kernel, paths, record)
      expect(readStored(kernel, settings, one)).toBeUndefined()
      writeState(kernel, paths, newState('created', { startedMs: 7 }))
      expect(readStored(kernel, settings, one)).toEqual({
        record,
        paths,
        state: { ...newState('created'), startedMs: 7 },
      })
      expect(readdirSync(paths.directory).sort()).toEqual(['container.json', 'state.json'])
    }))

  it('that is damaged is an error that names its file', () =>
    within((settings) => {
      const paths = containerPaths(settings, one)
      mkdirSync(paths.directory)
      const damaged = (path: string) => () =>
        expect(() => readStored(kernel, settings, one)).toThrow(`read ${path}: it is damaged`)
      writeFileSync(paths.state, '{}')
      writeFileSync(paths.record, '{"version":1')
      damaged(paths.record)()
      const request = defaultRequest({ kind: 'rootfs', path: '/', overlay: true }, ['true'])
      writeRecord(kernel, paths, {
        version: 1,
        id: one,
        name: 'web',
        createdMs: 5,
        request,
        cgroupPath: `/vitrine/${one}`,
      })
      for (const text of ['{"lifecycle":', '{"lifecycle":{"value":"asleep"}}']) {
        writeFileSync(paths.state, text)
        damaged(paths.state)()
      }
    }))

  it('of an end is the line that the monitor writes; half a line is no record', () =>
    within((settings) => {
      const paths = containerPaths(settings, one)
      mkdirSync(paths.directory)
      expect(readEnding(kernel, paths)).toBeUndefined()
      writeFileSync(paths.exit, '137 9 1700000000 250000000 1\n')
      expect(readEnding(kernel, paths)).toEqual({ code: 137, signal: 9, oomKilled: true, atMs: 1700000000250 })
      writeFileSync(paths.exit, '137 9\n')
      expect(readEnding(kernel, paths)).toBeUndefined()
      writeFileSync(paths.exit, '')
      expect(readEnding(kernel, paths)).toBeUndefined()
    }))
})

describe('a process', () => {
  it('is known by its start time, so that a reused pid is somebody else', () => {
    const mark = markOf(kernel, process.pid)!
    expect(isAlive(kernel, mark)).toBe(true)
    expect(isAlive(kernel, { ...mark, startTicks: String(Number(mark.startTicks) - 1) })).toBe(false)
    expect(isAlive(kernel, undefined)).toBe(false)
    expect(markOf(kernel, 2 ** 22 + 1)).toBeUndefined()
  })

  it('of another boot is gone, whatever has its pid now', () => {
    const mark = markOf(kernel, process.pid)!
    const state = newState('running', { process: mark, bootId: bootId(kernel) })
    expect(processAlive(kernel, state)).toBe(true)
    expect(processAlive(kernel, { ...state, bootId: 'another' })).toBe(false)
  })
})
