// Facts and requests for tests of what a request means.

import type { RequestFacts } from '../../../core/spec/facts.ts'
import { specFromRequest } from '../../../core/spec/from-request.ts'
import type { ImageConfig } from '../../../core/spec/image-config.ts'
import { capabilityNames } from '../../../core/spec/names.ts'
import { type ContainerRequest, defaultRequest } from '../../../core/spec/request.ts'
import type { Spec } from '../../../core/spec/types.ts'

export const facts: RequestFacts = {
  containerId: '0123456789abcdef0123',
  rootPath: '/rootfs',
  cgroupsPath: '/vitrine/0123',
  user: { uid: 0, gid: 0, additionalGids: [], home: '/root' },
  addedGids: [],
  boundingCapabilities: capabilityNames.filter((name) => name !== 'CAP_SYS_RESOURCE'),
  files: { '/etc/hosts': '/state/hosts' },
  joinedPaths: {},
  deviceNodes: {},
  hostDevices: [],
  newUserNamespace: false,
  ttyGroupMapped: true,
  apparmor: false,
  swapAccounting: true,
  pidsController: true,
}

export const image = (config: ImageConfig['config']): ImageConfig => ({
  architecture: 'amd64',
  os: 'linux',
  rootfs: { type: 'layers', diff_ids: [] },
  config,
})

export const request = (changes: Partial<ContainerRequest> = {}): ContainerRequest => ({
  ...defaultRequest({ kind: 'image', reference: 'x' }, ['true']),
  ...changes,
})

/** The Spec of a request that is the default one but for some changes. */
export function specOf(
  changes: Partial<ContainerRequest> = {},
  more: { readonly facts?: Partial<RequestFacts>; readonly image?: ImageConfig['config'] } = {},
): Spec {
  return specFromRequest(request(changes), more.image && image(more.image), { ...facts, ...more.facts })
}
