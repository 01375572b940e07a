// bpf(2), as container runtimes call it: programs that judge devices are loaded, attached to cgroups, counted.

import type { BpfAttr } from '../../core/syscall.ts'
import type { Cgroup } from '../cgroup/cgroup.ts'
import {
  attachProgram,
  type DeviceProgram,
  detachProgram,
  judgeByPrograms,
  makeProgram,
} from '../cgroup/device-programs.ts'
import { CgroupDirectory } from '../cgroup/directory.ts'
import { type Capability, capable } from '../credentials.ts'
import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import { type Calls, partial } from '../table.ts'
import type { Task } from '../task.ts'
import type { FileOperations } from '../vfs/file.ts'
import { O } from '../vfs/flags.ts'
import { fdNumber, fileOf, int } from './arguments.ts'
import { newDescriptor } from './new-descriptor.ts'

const COMMAND = { PROG_LOAD: 5, PROG_ATTACH: 8, PROG_DETACH: 9, PROG_QUERY: 16 } as const
const PROG_TYPE_CGROUP_DEVICE = 15
const ATTACH_CGROUP_DEVICE = 6
const instructionsMax = 1_000_000

/** An open program. */
class ProgramFile implements FileOperations {
  readonly seekable = false
  readonly program: DeviceProgram

  constructor(program: DeviceProgram) {
    this.program = program
  }
}

/** CAP_SYS_ADMIN does for both newer capabilities. */
const has = (task: Task, capability: Capability): boolean => {
  const { credentials, kernel } = task
  const { user } = kernel.initial
  return capable(credentials, capability, user) || capable(credentials, 'SYS_ADMIN', user)
}

function load(task: Task, attr: BpfAttr): Reply {
  if (!('insns' in attr)) return wrongAttributes()
  const { prog_type: type, insns, license } = attr
  if (!has(task, 'BPF')) return deny('EPERM', 'bpf(2)', 'bpf(2): BPF_PROG_LOAD needs CAP_BPF')
  const count = insns.length / 8
  if (count === 0 || count > instructionsMax)
    return deny('E2BIG', 'bpf(2)', `bpf(2): a program has 1 to ${instructionsMax} instructions`)
  if (type !== PROG_TYPE_CGROUP_DEVICE)
    return deny('EINVAL', 'bpf(2)', 'bpf(2): of all types of programs only BPF_PROG_TYPE_CGROUP_DEVICE is modelled')
  if (!has(task, 'NET_ADMIN')) return deny('EPERM', 'bpf(2)', 'bpf(2): programs for cgroups need CAP_NET_ADMIN')
  if (license.length > 127) return deny('EINVAL', 'bpf(2)', 'bpf(2): the license has at most 127 bytes')
  const program = makeProgram(task.kernel.counters.nextUnique(), insns)
  if (isDenied(program)) return program
  return newDescriptor(task, 'bpf-prog', O.RDWR | O.CLOEXEC, () => new ProgramFile(program))
}

/** The program and the cgroup that an attachment is about. */
function parties(task: Task, attr: BpfAttr): { readonly cgroup: Cgroup; readonly program: DeviceProgram } | Denied {
  if (!('target_fd' in attr)) return wrongAttributes()
  if (attr.attach_type !== ATTACH_CGROUP_DEVICE)
    return deny('EINVAL', 'bpf(2)', 'bpf(2): of all places for programs only BPF_CGROUP_DEVICE is modelled')
  if (attr.attach_flags & ~7) return deny('EINVAL', 'bpf(2)', 'bpf(2): there are unknown flags')
  const file = fileOf(task, attr.attach_bpf_fd, 'bpf(2)')
  if (isDenied(file)) return file
  if (!(file.operations instanceof ProgramFile))
    return deny('EINVAL', 'bpf(2)', `bpf(2): descriptor ${fdNumber(attr.attach_bpf_fd)} is no program`)
  const cgroup = cgroupOf(task, attr.target_fd)
  return isDenied(cgroup) ? cgroup : { cgroup, program: file.operations.program }
}

function cgroupOf(task: Task, fd: Parameters<typeof fileOf>[1]): Cgroup | Denied {
  const file = fileOf(task, fd, 'bpf(2)')
  if (isDenied(file)) return file
  const { inode } = file
  if (!(inode instanceof CgroupDirectory) || inode.cgroup.hierarchy.version !== 2)
    return deny('EBADF', 'bpf(2)', `bpf(2): descriptor ${fdNumber(fd)} is no directory of cgroup2`)
  return inode.cgroup.dead ? deny('ENOENT', 'bpf(2)', 'bpf(2): the cgroup has been removed') : inode.cgroup
}

function attach(task: Task, attr: BpfAttr): Reply {
  const found = parties(task, attr)
  if (isDenied(found)) return found
  const flags = 'attach_flags' in attr ? attr.attach_flags : 0
  const refusal = attachProgram(found.cgroup, found.program, flags)
  if (refusal) return refusal
  const { judges } = task.kernel.cgroups.devices
  if (!judges.includes(judgeByPrograms)) judges.unshift(judgeByPrograms)
  return 0
}

function detach(task: Task, attr: BpfAttr): Reply {
  const found = parties(task, attr)
  return isDenied(found) ? found : (detachProgram(found.cgroup, found.program) ?? 0)
}

/** What is attached is found by whoever may; that it is known is all that is told. */
function query(task: Task, attr: BpfAttr): Reply {
  if (!('query_target_fd' in attr)) return wrongAttributes()
  if (!has(task, 'NET_ADMIN')) return deny('EPERM', 'bpf(2)', 'bpf(2): BPF_PROG_QUERY needs CAP_NET_ADMIN')
  if (attr.attach_type !== ATTACH_CGROUP_DEVICE)
    return deny('EINVAL', 'bpf(2)', 'bpf(2): of all places for programs only BPF_CGROUP_DEVICE is modelled')
  const cgroup = cgroupOf(task, attr.query_target_fd)
  return isDenied(cgroup) ? cgroup : 0
}

const wrongAttributes = (): Denied => deny('EINVAL', 'bpf(2)', 'bpf(2): these are the attributes of another command')

export const calls: Calls = {
  bpf: partial(
    'programs of cgroups that judge devices, without maps, calls, loops and stack; a query tells no numbers',
    (task, { cmd, attr }) => {
      switch (int(cmd)) {
        case COMMAND.PROG_LOAD:
          return load(task, attr)
        case COMMAND.PROG_ATTACH:
          return attach(task, attr)
        case COMMAND.PROG_DETACH:
          return detach(task, attr)
        case COMMAND.PROG_QUERY:
          return query(task, attr)
        default:
          return deny('EINVAL', 'bpf(2)', 'bpf(2): the command is unknown, or not modelled')
      }
    },
  ),
}
