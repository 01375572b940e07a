// The program of `--init` for the simulated machine, as native/init.c: it starts the program, hands signals on to it, reaps
// what is orphaned, and ends as the program ended.

import { isDenied } from '../../sim/outcome.ts'
import { must, type Part, program } from './sim-programs.ts'

const [SIGCHLD, SIG_BLOCK, SIG_SETMASK, WNOHANG] = [17, 0, 2, 1]
const all = (1n << 64n) - 1n

export const initProgram = program(function* (given) {
  const argv = given.slice(given[1] === '--' ? 2 : 1)
  yield* must({ name: 'rt_sigprocmask', how: SIG_BLOCK, set: all, oldset: 0, sigsetsize: 8 })
  const { value: signals } = yield* must({ name: 'signalfd4', fd: -1, mask: all, sizemask: 8, flags: 0o2000000 })
  const born = yield { name: 'fork', child: () => execute(argv) }
  if (isDenied(born)) return 125
  for (;;) {
    const { data } = yield* must({ name: 'read', fd: signals, buf: 128 })
    const sig = new DataView(data!.buffer, data!.byteOffset).getUint32(0, true)
    if (sig !== SIGCHLD) {
      yield { name: 'kill', pid: born.value, sig }
      continue
    }
    for (;;) {
      const reaped = yield { name: 'wait4', pid: -1, wstatus: 4, options: WNOHANG, rusage: 0 }
      if (isDenied(reaped) || reaped.value === 0) break
      const status = new DataView(reaped.data!.buffer, reaped.data!.byteOffset).getUint32(0, true)
      if (reaped.value === born.value) return status & 127 ? 128 + (status & 127) : (status >> 8) & 255
    }
  }
})

function* execute(argv: readonly string[]): Part<number> {
  yield { name: 'setpgid', pid: 0, pgid: 0 }
  yield { name: 'rt_sigprocmask', how: SIG_SETMASK, set: 0n, oldset: 0, sigsetsize: 8 }
  yield { name: 'execve', pathname: `/bin/${argv[0]}`, argv, envp: [] }
  yield { name: 'write', fd: 2, buf: `vitrine-init: cannot execute ${argv[0]}\n` }
  return 127
}
