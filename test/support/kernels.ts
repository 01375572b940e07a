// Opens each kernel that contract tests run on; the tests do not know which one they have.

import { openLinux } from '../../backends/linux/open.ts'
import { openSimulated } from '../../backends/sim/kernel.ts'
import type { Kernel } from '../../core/kernel.ts'
import type { Syscall } from '../../core/syscall.ts'
import { bootKernel } from '../../sim/boot.ts'
import { isDenied } from '../../sim/outcome.ts'
import type { Task } from '../../sim/task.ts'
import { withTemporaryDirectory } from './directory.ts'
import { missing } from './needs.ts'
import { shell } from './sim-shell.ts'

export interface TestKernel {
  readonly name: string
  /** Why it cannot be opened here, or undefined. */
  readonly missing: string | undefined
  open(): Kernel
  /** Hands an empty directory of that kernel's files to `use`. */
  withDirectory(kernel: Kernel, use: (directory: string) => Promise<void> | void): Promise<void>
}

export const kernels: readonly TestKernel[] = [
  {
    name: 'linux',
    missing: missing({ linux: true, natives: true, root: true }),
    open: openLinux,
    withDirectory: (_, use) => withTemporaryDirectory(use),
  },
  { name: 'the simulated kernel', missing: missing({ anyKernel: true }), open: openMachine, withDirectory: inMachine },
]

/** A machine of its own, whose /bin/sh is the small one. */
function openMachine(): Kernel {
  const machine = bootKernel({ programs: { sh: shell } })
  const born = machine.call(machine.init, { name: 'clone3', cl_args: { flags: 0, exit_signal: 17 } })
  if (!born || isDenied(born)) throw new Error(`start the runtime: ${born?.errno}`)
  const kernel = openSimulated(machine, machine.lastBorn as Task)
  const fd = must(kernel, { name: 'openat', dirfd: -100, pathname: '/bin/sh', flags: 0o101, mode: 0o755 })
  must(kernel, { name: 'write', fd, buf: '#!sim sh\n' })
  must(kernel, { name: 'close', fd })
  return kernel
}

let directories = 0

async function inMachine(kernel: Kernel, use: (directory: string) => Promise<void> | void): Promise<void> {
  const pathname = `/tmp/test-${++directories}`
  must(kernel, { name: 'mkdirat', dirfd: -100, pathname, mode: 0o700 })
  await use(pathname)
}

function must(kernel: Kernel, call: Syscall): number {
  const outcome = kernel.call(call)
  if ('errno' in outcome) throw new Error(`${call.name}: ${outcome.errno}`)
  return outcome.value
}
