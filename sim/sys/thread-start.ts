// What a thread tells the kernel about its own memory as it starts, and what the kernel makes no use of here: arch_prctl(2),
// set_robust_list(2), rseq(2), membarrier(2), set_mempolicy(2)

import { deny } from '../outcome.ts'
import { type Calls, partial } from '../table.ts'
import { int, long, uint } from './arguments.ts'
import { setMemoryPolicy } from './memory-policy.ts'

const ARCH = { SET_GS: 0x1001, SET_FS: 0x1002, GET_FS: 0x1003, GET_GS: 0x1004, GET_CPUID: 0x1011, SET_CPUID: 0x1012 }
/** struct robust_list_head */
const robustListBytes = 24
/** linux/rseq.h: the struct of the first version */
const rseqBytes = 32

export const calls = {
  arch_prctl: partial('registers are the own of programs', (_task, call) => {
    const code = int(call.code)
    if (code === ARCH.SET_FS || code === ARCH.SET_GS) {
      if (long(call.addr) < 2 ** 47) return 0
      return deny('EPERM', 'arch_prctl(2)', 'arch_prctl(2): the address is of the kernel')
    }
    if (code === ARCH.GET_FS || code === ARCH.GET_GS)
      return deny('ENOSYS', 'arch_prctl(2)', 'arch_prctl(2): registers are not kept')
    if (code === ARCH.GET_CPUID) return 1
    return deny('EINVAL', 'arch_prctl(2)', 'arch_prctl(2): there is no such code')
  }),
  set_robust_list: partial('locks of a thread that has ended are not given free', (_task, call) =>
    long(call.size) === robustListBytes
      ? 0
      : deny('EINVAL', 'set_robust_list(2)', 'set_robust_list(2): the head has another size'),
  ),
  rseq: partial('nothing is restarted', (_task, call) => {
    const address = long(call.rseq)
    const wrong = (why: string) => deny('EINVAL', 'rseq(2)', `rseq(2): ${why}`)
    if (int(call.flags) & ~1) return wrong('there are no such flags')
    if (long(call.rseq_len) < rseqBytes || address % rseqBytes !== 0)
      return wrong('the struct is too short, or lies badly')
    return 0
  }),
  membarrier: partial('there is one order of memory', (_task, call) => {
    const known = 0x1ff
    const command = int(call.cmd)
    if (int(call.flags) !== 0) return deny('EINVAL', 'membarrier(2)', 'membarrier(2): there are no such flags')
    if (command === 0) return known
    if ((command & known) !== command) return deny('EINVAL', 'membarrier(2)', 'membarrier(2): there is no such command')
    return 0
  }),
  get_mempolicy: partial('there is one memory node', (_task, call) =>
    int(call.flags) & ~7 ? deny('EINVAL', 'get_mempolicy(2)', 'get_mempolicy(2): there are no such flags') : 0,
  ),
  set_mempolicy: partial('there is one memory node', (_task, { mode, nodemask, maxnode }) =>
    setMemoryPolicy(uint(mode), nodemask, int(maxnode)),
  ),
} satisfies Calls
