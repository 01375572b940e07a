// Opens each kernel that contract tests run on; the tests do not know which one they have.

import { openLinux } from '../../backends/linux/open.ts'
import type { Kernel } from '../../core/kernel.ts'
import { missing } from './needs.ts'

export interface TestKernel {
  readonly name: string
  /** Why it cannot be opened here, or undefined. */
  readonly missing: string | undefined
  open(): Kernel
}

export const kernels: readonly TestKernel[] = [
  { name: 'linux', missing: missing({ linux: true, natives: true, root: true }), open: openLinux },
]
