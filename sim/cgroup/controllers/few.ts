// Controllers of things that this machine has none of: misc and rdma. cgroup-v2.rst, Misc and RDMA

import type { Kernel } from '../../kernel.ts'
import { deny } from '../../outcome.ts'
import type { Controller } from '../controller.ts'
import { strip } from '../numbers.ts'

/** Special resources of processors: no name is known, so every one is wrong (HTL-101). */
export const makeMisc = (kernel: Kernel): Controller<object> => ({
  name: 'misc',
  threaded: false,
  files: [
    { name: 'misc.capacity', where: 'root', read: () => '' },
    { name: 'misc.current', read: () => '' },
    {
      name: 'misc.max',
      where: 'notRoot',
      read: () => '',
      write: (_at, text) => deny('EINVAL', 'HTL-101', `misc.max: there is no resource ${strip(text).split(' ')[0]}`),
    },
    { name: 'misc.events', where: 'notRoot', read: () => '' },
    ...(kernel.since(6, 11) ? [{ name: 'misc.peak', read: () => '' }] : []),
    ...(kernel.since(6, 11) ? [{ name: 'misc.events.local', where: 'notRoot' as const, read: () => '' }] : []),
  ],
  online: () => ({}),
})

/** RDMA devices: the format is looked at first, then the device is missed (HTL-101). */
export const makeRdma = (): Controller<object> => ({
  name: 'rdma',
  threaded: false,
  files: [
    {
      name: 'rdma.max',
      where: 'notRoot',
      read: () => '',
      write: (_at, text) => {
        const [, ...limits] = strip(text).split(/\s+/)
        if (limits.some((each) => !/^(hca_handle|hca_object)=([0-9]+|max)$/.test(each)))
          return deny('EINVAL', 'HTL-101', 'rdma.max: a device, hca_handle= and hca_object= with numbers or max')
        return deny('ENODEV', 'HTL-101', 'rdma.max: there is no such device')
      },
    },
    { name: 'rdma.current', where: 'notRoot', read: () => '' },
  ],
  online: () => ({}),
})
