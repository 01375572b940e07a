// The speed of the simulated kernel: simple calls, births and ends with all namespaces, and the same beside 10,000 containers.

import type { Syscall } from '../core/syscall.ts'
import { bootKernel } from '../sim/boot.ts'
import type { Kernel } from '../sim/kernel.ts'
import type { Task } from '../sim/task.ts'

const rounds = 5
const millisecondsEach = 400
const allNamespaces = 0x7e020080
const SIGCHLD = 17

const getpid: Syscall = { name: 'getpid' }
const wait4: Syscall = { name: 'wait4', pid: -1, wstatus: 4, options: 0, rusage: 0 }
const exitGroup: Syscall = { name: 'exit_group', status: 0 }
const clone3 = (flags: number): Syscall => ({ name: 'clone3', cl_args: { flags, exit_signal: SIGCHLD } })

function make(kernel: Kernel, task: Task, call: Syscall): void {
  const outcome = kernel.call(task, call)
  if (outcome && 'errno' in outcome) throw new Error(`${call.name}: ${outcome.errno}: ${outcome.sentence}`)
}

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Median of what is done in a second of processor time, so that a machine with other work tells the same. */
function perSecond(act: () => void, each = 100): number {
  const rates = Array.from({ length: rounds }, () => {
    const [start, cpuStart] = [performance.now(), cpuSeconds()]
    let count = 0
    while (performance.now() - start < millisecondsEach) {
      for (let at = 0; at < each; at++) act()
      count += each
    }
    return count / (cpuSeconds() - cpuStart)
  })
  return rates.sort((a, b) => a - b)[rounds >> 1]!
}

function life(kernel: Kernel, flags: number): () => void {
  const birth = clone3(flags)
  return () => {
    make(kernel, kernel.init, birth)
    kernel.call(kernel.lastBorn!, exitGroup)
    make(kernel, kernel.init, wait4)
  }
}

function measure(title: string, kernel: Kernel): void {
  const show = (what: string, rate: number) =>
    console.log(
      `${title.padEnd(18)} ${what.padEnd(44)} ${Math.round(rate).toLocaleString('en').padStart(12)} per CPU second`,
    )
  show(
    'getpid',
    perSecond(() => make(kernel, kernel.init, getpid), 10_000),
  )
  show('fork, exit, wait', perSecond(life(kernel, 0)))
  show('clone3 with all namespaces, exit, wait', perSecond(life(kernel, allNamespaces)))
}

/** Three processes each, in namespaces of their own. */
function containers(kernel: Kernel, count: number): void {
  for (let at = 0; at < count; at++) {
    make(kernel, kernel.init, clone3(allNamespaces))
    const first = kernel.lastBorn!
    for (const parent of [first, first]) make(kernel, parent, clone3(0))
  }
}

const kernel = bootKernel()
measure('a new machine', kernel)
const crowded = bootKernel()
crowded.initial.user.limits.set('user', 1e6)
for (const kind of ['mnt', 'uts', 'ipc', 'net', 'pid', 'cgroup', 'time'] as const)
  crowded.initial.user.limits.set(kind, 1e6)
const before = process.memoryUsage().rss
containers(crowded, 10_000)
console.log(`10,000 containers of 3 processes: ${Math.round((process.memoryUsage().rss - before) / 2 ** 20)} MiB`)
measure('10,000 containers', crowded)
