// Controllers that only know who belongs to them: cpuacct and net_cls of version 1, perf_event.

import { cpuacctFiles } from '../../cpu/stat.ts'
import type { Kernel } from '../../kernel.ts'
import { deny, isDenied } from '../../outcome.ts'
import type { Controller } from '../controller.ts'
import { parseInteger, unsignedRange } from '../numbers.ts'

/** Always on, without a file of its own (CG-106). */
export const makePerfEvent = (): Controller<object> => ({
  name: 'perf_event',
  threaded: true,
  implicit: true,
  files: [],
  legacyFiles: [],
  online: () => ({}),
})

interface NetClass {
  classId: number
}

/** A number for packets of the members, which nothing here looks at. cgroup-v1/net_cls.rst */
export const makeNetCls = (): Controller<NetClass> => ({
  name: 'net_cls',
  threaded: false,
  legacyFiles: [
    {
      name: 'net_cls.classid',
      read: ({ state }) => `${state.classId}\n`,
      write: ({ state }, text) => {
        const value = parseInteger(text.trim(), unsignedRange)
        if (isDenied(value)) return deny(value.errno, 'cgroup-v1/net_cls.rst', 'net_cls.classid: a number')
        state.classId = value % 2 ** 32
        return undefined
      },
    },
  ],
  online: (_cgroup, parent) => ({ classId: parent?.classId ?? 0 }),
})

/** Time that tasks have had. cpuacct.rst */
export const makeCpuacct = (kernel: Kernel): Controller<object> => ({
  name: 'cpuacct',
  threaded: true,
  legacyFiles: cpuacctFiles(kernel),
  online: () => ({}),
})
