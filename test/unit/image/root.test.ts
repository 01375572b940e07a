// The stack of layers under a container.

import { expect, it } from 'vitest'
import { layerStack } from '../../../core/image/root.ts'

const layer = (diffId: string, opaque = false) => ({ diffId, sizeBytes: 1, tarBytes: 1, ...(opaque ? { opaque } : {}) })
const lower = (...layers: ReturnType<typeof layer>[]) => layerStack('/r', { layers }, '/r/containers/1').lower

it('lists the topmost layer first, as lowerdir wants it', () => {
  expect(lower(layer('a'), layer('b'))).toEqual(['/r/images/layers/b/diff', '/r/images/layers/a/diff'])
})

it('names a layer once, because overlayfs refuses one directory twice', () => {
  expect(lower(layer('a'), layer('b'), layer('a'))).toEqual(['/r/images/layers/a/diff', '/r/images/layers/b/diff'])
})

it('ends at a layer whose root is opaque, because overlayfs merges roots always', () => {
  expect(lower(layer('a'), layer('b', true), layer('c'))).toEqual([
    '/r/images/layers/c/diff',
    '/r/images/layers/b/diff',
  ])
})

it('puts an image without layers on an empty directory', () => {
  expect(lower()).toEqual(['/r/images/empty'])
})

it("has the container's own directories on top", () => {
  expect(layerStack('/r', { layers: [] }, '/r/containers/1')).toMatchObject({
    upper: '/r/containers/1/upper',
    work: '/r/containers/1/work',
  })
})
