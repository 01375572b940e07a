// getrandom: bytes from the machine's own chance. getrandom(2)

import { deny } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import { uint } from './arguments.ts'

const NONBLOCK = 1
const RANDOM = 2
const INSECURE = 4

export const calls: Calls = {
  getrandom: full((task, { buf, flags }) => {
    const bits = uint(flags)
    if (bits & ~(NONBLOCK | RANDOM | INSECURE) || (bits & (RANDOM | INSECURE)) === (RANDOM | INSECURE))
      return deny('EINVAL', 'getrandom(2)', 'getrandom(2): there are unknown flags, or two that exclude each other')
    return { value: buf, data: task.kernel.random.bytes(buf) }
  }),
}
