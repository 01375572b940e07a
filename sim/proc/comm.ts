// /proc/PID/comm: the name of a thread, which its own process may change. proc_pid_comm(5)

import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import { decode } from '../vfs/utf8.ts'

const nameBytesMax = 15

export function writeComm(writer: Task, of: Task, bytes: Uint8Array): number | Denied {
  if (writer.process !== of.process)
    return deny('EINVAL', 'proc(5)', 'proc(5): only threads of the same process change the name')
  const end = bytes.indexOf(0)
  of.comm = decode(bytes.subarray(0, Math.min(end < 0 ? bytes.length : end, nameBytesMax)))
  return bytes.length
}
