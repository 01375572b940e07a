// What another user of the machine plants where everybody may: it is neither followed nor written to nor believed.

import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { openLinux } from '../../backends/linux/open.ts'
import { claimRunroot } from '../../core/engine/host.ts'
import { writeAtomically } from '../../core/files.ts'
import { storeCredentials } from '../../core/image/registry/credentials.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true, root: true, natives: true })
const kernel = openLinux()

describe('a file that is replaced', () => {
  /** What lies where its draft will. */
  const planted: Readonly<Record<string, (draft: string, victim: string) => void>> = {
    'a link to a file': (draft, victim) => symlinkSync(victim, draft),
    'a link to nothing': (draft, victim) => symlinkSync(`${victim}.new`, draft),
    'another name of a file': (draft, victim) => linkSync(victim, draft),
    'a FIFO': (draft) => execFileSync('mkfifo', [draft]),
    'a socket or what else one cannot write to': (draft) => execFileSync('mknod', [draft, 'c', '1', '7']),
  }
  for (const [what, plant] of Object.entries(planted)) {
    it(`is written as a file of its own, though where its draft goes there is ${what}`, async () => {
      await withTemporaryDirectory(async (directory) => {
        const [path, victim] = [join(directory, 'auth.json'), join(directory, 'victim')]
        writeFileSync(victim, 'untouched')
        plant(`${path}.${process.pid}.tmp`, victim)
        writeAtomically(kernel, path, 'secret')
        expect(readFileSync(path, 'utf8')).toBe('secret')
        expect(lstatSync(path)).toMatchObject({ mode: 0o100600, nlink: 1 })
        expect(readFileSync(victim, 'utf8')).toBe('untouched')
        expect(readdirSync(directory).sort()).toEqual(['auth.json', 'victim'])
      })
    })
  }

  it('shows a login to nobody who has opened what lay there', async () => {
    await withTemporaryDirectory(async (directory) => {
      const path = join(directory, 'auth.json')
      const draft = `${path}.${process.pid}.tmp`
      writeFileSync(draft, '')
      chmodSync(draft, 0o666)
      const spy = openSync(draft, 'r')
      const host = { kernel, environment: { uid: 0, gid: 0, variables: {}, architecture: 'amd64' }, warn: () => {} }
      const conf = { credentialHelpers: ['containers-auth.json'] }
      await storeCredentials(host, 'r.example', { username: 'u', password: 'p' }, { authfile: path, conf })
      expect(readSync(spy, Buffer.alloc(10))).toBe(0)
      closeSync(spy)
      expect(Object.keys(JSON.parse(readFileSync(path, 'utf8')).auths)).toEqual(['r.example'])
      expect(lstatSync(path).mode & 0o777).toBe(0o600)
    })
  })
})

describe("a user's directory in /tmp", () => {
  const uid = 987_654
  const path = `/tmp/vitrine-${uid}`
  const claim = () => claimRunroot(kernel, uid, `${path}/vitrine`)
  const planting = (plant: () => void, then: () => void) => {
    try {
      plant()
      then()
    } finally {
      rmSync(path, { recursive: true, force: true })
    }
  }

  it('is made for its owner alone, and then found', () =>
    planting(claim, () => {
      expect(lstatSync(path).mode & 0o777).toBe(0o700)
      chownSync(path, uid, uid)
      claim()
    }))

  it('is not made when the state is elsewhere', () => {
    claimRunroot(kernel, uid, '/run/user/987654/vitrine')
    expect(existsSync(path)).toBe(false)
  })

  const notOurs = /^\/tmp\/vitrine-987654: it is not the directory of your own that it must be: remove it/
  it("is refused when it is somebody else's", () =>
    planting(
      () => mkdirSync(path, { mode: 0o777 }),
      () => expect(claim).toThrow(notOurs),
    ))

  it('is refused when it is a link, also to a directory of the user', () =>
    planting(
      () => {
        mkdirSync(`${path}-there`, { mode: 0o700 })
        chownSync(`${path}-there`, uid, uid)
        symlinkSync(`${path}-there`, path)
      },
      () => {
        rmdirSync(`${path}-there`)
        expect(claim).toThrow(notOurs)
      },
    ))

  it('is refused when others may write there', () =>
    planting(
      () => {
        mkdirSync(path)
        chownSync(path, uid, uid)
        chmodSync(path, 0o770)
      },
      () => expect(claim).toThrow('others may write there'),
    ))
})
