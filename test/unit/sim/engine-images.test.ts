// Images on the simulated kernel: a container's files become an archive, that an image, and that containers again.

import { beforeEach, describe, expect, it } from 'vitest'
import { commit } from '../../../core/engine/commit.ts'
import { exportContainer } from '../../../core/engine/export.ts'
import { imageHistory } from '../../../core/engine/image-history.ts'
import { listImagesWith } from '../../../core/engine/image-list.ts'
import { pruneImages } from '../../../core/engine/image-prune.ts'
import { removeImage } from '../../../core/engine/image-remove.ts'
import { importRoot } from '../../../core/engine/import-root.ts'
import { remove } from '../../../core/engine/remove.ts'
import { openSession, type Session } from '../../support/sim-session.ts'

let session: Session
beforeEach(async () => {
  session = openSession()
  await session.toEnd(['append', '/etc/made', 'in the container'], { name: 'writer' })
  await exportContainer(session.host, session.settings, 'writer', '/tmp/root.tar')
  const changes = ['CMD ["cat", "/etc/made"]', 'ENV COLOUR=blue', 'USER 33']
  await importRoot(session.host, session.settings, '/tmp/root.tar', { name: 'made', changes })
})

const image = (reference: string) => ({ source: { kind: 'image', reference } as const })
const names = () =>
  listImagesWith(session.host, session.settings, { filters: [], moment: () => 0 }).flatMap(({ image }) => image.names)

describe('an image of an exported root file system', () => {
  it('is run with its own command, environment and user', async () => {
    expect(await session.toEnd([], image('made'))).toMatchObject({ code: 0, stdout: 'in the container\n' })
    const { pid } = await session.detached(['sleep', '100'], image('made'))
    expect(session.read(`/proc/${pid}/environ`).split('\0')).toContain('COLOUR=blue')
    expect(session.read(`/proc/${pid}/status`)).toMatch(/^Uid:\t33\t/m)
  })

  it('is below the layers of its containers, and stays as it was', async () => {
    const more = { ...image('made'), user: '0' }
    expect((await session.toEnd(['append', '/etc/made', 'more'], more)).code).toBe(0)
    expect((await session.toEnd([], image('made'))).stdout).toBe('in the container\n')
  })

  it('grows by a layer with commit, whose history says how', async () => {
    await session.toEnd(['append', '/etc/made', 'more'], { ...image('made'), user: '0', name: 'second' })
    const options = { changes: [], format: 'oci', pause: true, squash: false, includeVolumes: false } as const
    await commit(session.host, session.settings, 'second', { ...options, name: 'again' })
    expect((await session.toEnd(['cat', '/etc/made'], image('again'))).stdout).toBe('in the container\nmore\n')
    const steps = imageHistory(session.host, session.settings, 'again')
    expect(steps.map(({ createdBy }) => createdBy)).toEqual(['append /etc/made more', 'import /tmp/root.tar'])
  })

  it('is removed when no container uses it, and nothing of it stays', async () => {
    const { id } = await session.toEnd([], image('made'))
    const { host, settings } = session
    await expect(removeImage(host, settings, 'made', { force: false, containers: false })).rejects.toThrow(
      'image made: container',
    )
    await remove(host, settings, id, { force: false, volumes: true })
    await removeImage(host, settings, 'made', { force: false, containers: false })
    expect(names()).toEqual([])
    expect((await pruneImages(host, settings, { filters: [], moment: () => 0, all: true })).removed).toEqual([])
  })
})
