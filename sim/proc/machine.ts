// Files of proc about the machine as a whole. proc(5)

import { controllerTable } from '../cgroup/paths.ts'
import { busyTicks, loadText, swapUsedKib, vmstatText } from '../figures.ts'
import type { Kernel } from '../kernel.ts'
import { deny } from '../outcome.ts'
import { directory, file, link, type Made, text } from '../vfs/pseudo.ts'
import { memoryText } from './meminfo.ts'
import { pressureFiles } from './pressure.ts'
import { release, sysctls } from './sysctl.ts'
import { sysvipc } from './sysvipc.ts'

const seconds = (ns: number): string => (ns / 1e9).toFixed(2)

function processorText({ config }: Kernel): string {
  const one = (number: number): string =>
    `processor\t: ${number}\nvendor_id\t: simulated\nmodel name\t: simulated processor\ncpu MHz\t\t: 1000.000\n` +
    `physical id\t: 0\nsiblings\t: ${config.cpus}\ncore id\t\t: ${number}\ncpu cores\t: ${config.cpus}\n\n`
  return Array.from({ length: config.cpus }, (_, number) => one(number)).join('')
}

function statText(kernel: Kernel): string {
  const cpus = Array.from({ length: kernel.config.cpus }, (_, number) => `cpu${number} 0 0 0 0 0 0 0 0 0 0\n`)
  const blocked = 0
  return (
    `cpu  ${busyTicks(kernel)} 0 0 0 0 0 0 0 0 0\n${cpus.join('')}intr 0\nctxt 0\nbtime ${kernel.config.bootSeconds}\n` +
    `processes ${kernel.initial.pid.last}\nprocs_running ${1 + (kernel.cpu?.runnable ?? 0)}\nprocs_blocked ${blocked}\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n`
  )
}

/** Types that this kernel knows. */
function fileSystemText(kernel: Kernel): string {
  let words = ''
  for (const { name, needsDevice, since } of kernel.fileSystems.values())
    if (since === undefined || kernel.since(...since)) words += `${needsDevice ? '' : 'nodev'}\t${name}\n`
  return words
}

const devicesText = `Character devices:
  1 mem
  5 /dev/tty
  5 /dev/console
  5 /dev/ptmx
 10 misc
128 ptm
136 pts

Block devices:
  8 sd
259 blkext
`

const notReadable = () => deny('EIO', 'proc(5)', 'proc(5): the memory of the kernel is not modelled')

export const machineFiles: Readonly<Record<string, Made>> = {
  bus: directory({ input: directory({ devices: text('') }) }),
  cgroups: file({ read: ({ kernel }) => controllerTable(kernel) }),
  cmdline: text('BOOT_IMAGE=/vmlinuz root=/dev/root rw\n'),
  consoles: text('console0             -W- (EC p  )    5:1\n'),
  cpuinfo: file({ read: ({ kernel }) => processorText(kernel) }),
  devices: text(devicesText),
  diskstats: text('   8       0 sda 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n'),
  driver: directory({ rtc: text('') }),
  filesystems: file({ read: ({ kernel }) => fileSystemText(kernel) }),
  fs: directory({ nfsd: directory({}) }),
  interrupts: text(''),
  irq: directory({ default_smp_affinity: text('f\n') }),
  kcore: file({ read: notReadable }, 0o400),
  'key-users': text('    0:     0 0/0 0/1000000 0/25000000\n'),
  keys: text(''),
  loadavg: file({
    read: ({ kernel, pidNamespace }) => loadText(kernel, pidNamespace.last),
  }),
  locks: text(''),
  meminfo: file({ read: ({ kernel }) => memoryText(kernel) }),
  misc: text('183 hw_random\n229 fuse\n'),
  modules: text(''),
  mounts: link('self/mounts'),
  net: link('self/net'),
  partitions: text('major minor  #blocks  name\n\n   8        0   20971520 sda\n'),
  pressure: pressureFiles,
  scsi: directory({ scsi: text('Attached devices:\n') }),
  stat: file({ read: ({ kernel }) => statText(kernel) }),
  swaps: file({
    read({ kernel }) {
      const { config } = kernel
      const head = 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n'
      const kib = Math.floor((config.swapBytes ?? 0) / 1024)
      return kib === 0
        ? head
        : `${head}/dev/sda2                               partition\t${kib}\t\t${swapUsedKib(kernel)}\t\t-2\n`
    },
  }),
  sys: sysctls,
  sysvipc,
  'sysrq-trigger': file({ write: (_task, bytes) => bytes.length }, 0o200),
  timer_list: file({ read: () => '' }, 0o400),
  tty: directory({ drivers: text('pty_slave            /dev/pts      136 0-1048575 pty:slave\n') }),
  // Shifted by the time namespace of whoever reads (TIM-001).
  uptime: file({
    read({ kernel, namespaces }) {
      const up = seconds(kernel.clock.nowNs + namespaces.time.boottimeOffsetNs)
      return `${up} ${seconds(kernel.clock.nowNs * kernel.config.cpus)}\n`
    },
  }),
  version: file({ read: ({ kernel }) => `Linux version ${release(kernel)} (simulated) #1 SMP\n` }),
  vmstat: file({ read: ({ kernel }) => vmstatText(kernel) }),
}
