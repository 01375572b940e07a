// That the kernel enforces the ceilings: a fork bomb, a memory hog, a busy loop.

import { isV2, readCgroup } from './cgroup-files.ts'
import { nowMs, readText, sleep } from './place.ts'
import { running } from './proofs.ts'
import { claim, say, show, title } from './shell.ts'

const name = 'my-limited-test'
const remove = () => show(['vitrine', 'rm', '-f', '-t', '0', '-i', name], { quiet: true })

function start(image: readonly string[], flags: readonly string[], script: string) {
  show(['vitrine', 'run', '-d', '--name', name, '--network=none', ...flags, '--entrypoint=sh', ...image, '-c', script])
  return running(name).pid
}

export async function enforcePids(image: readonly string[]): Promise<void> {
  title('The kernel enforces it: a fork bomb stops at 100')
  try {
    const pid = start(
      image,
      ['--pids-limit=100'],
      'bomb() { bomb | bomb & }; (sleep 0.2; bomb) 2>/dev/null & exec sleep 60',
    )
    let current = 0
    let refusals = 0
    for (let tries = 0; tries < 100 && !(current >= 100 && refusals > 0); tries++) {
      await sleep(100)
      // Where the kernel remembers the most, the moment need not be met.
      for (const name of ['pids.current', 'pids.peak'])
        current = Math.max(current, Number(readCgroup(pid, 'pids', [name]) ?? 0))
      refusals = Number(/max (\d+)/.exec(readCgroup(pid, 'pids', ['pids.events']) ?? '')?.[1])
    }
    say(`pids.current = ${current}, pids.events: max ${refusals}`)
    claim(current >= 90 && current <= 100, `it came to ${current} processes and no further`)
    claim(refusals > 0, `the kernel refused ${refusals} forks`)
    // Frozen, they fork no more: user-mode Linux 6.12 panics when a process is killed in the middle of a fork.
    show(['vitrine', 'pause', name], { quiet: true })
  } finally {
    remove()
  }
}

export async function enforceMemory(image: readonly string[]): Promise<void> {
  title('The kernel enforces it: who takes more than 512 MiB is killed')
  try {
    const limits = ['--memory=512m', '--memory-swap=512m', '--network=none']
    const hog = ['if=/dev/zero', 'of=/dev/null', 'bs=600M', 'count=1']
    const { code } = show(['vitrine', 'run', '--name', name, ...limits, '--entrypoint=dd', ...image, ...hog], {
      codes: [137],
    })
    claim(code === 137, 'the exit code is 137: 128 + SIGKILL')
    const format = '{{.State.OOMKilled}} {{.State.ExitCode}}'
    const { stdout } = show(['vitrine', 'inspect', '--format', format, name])
    claim(stdout.trim() === 'true 137', 'inspect says that the OOM killer did it')
  } finally {
    remove()
  }
}

function cpuNow(pid: number) {
  const stat = readCgroup(pid, 'cpu', ['cpu.stat']) ?? ''
  const field = (key: string) => Number(new RegExp(`^${key} (\\d+)`, 'm').exec(stat)?.[1] ?? 0)
  const usageUsec = isV2() ? field('usage_usec') : Number(readCgroup(pid, 'cpuacct', ['cpuacct.usage'])) / 1000
  return { usageUsec, throttled: field('nr_throttled'), atMs: nowMs() }
}

/** With one CPU only, half a CPU is what can be shown. */
export async function enforceCpu(image: readonly string[]): Promise<void> {
  const processors = readText('/proc/cpuinfo').match(/^processor\b/gm)?.length ?? 1
  const cpus = processors >= 2 ? 1.5 : 0.5
  title(`The kernel enforces it: busy loops get ${cpus} CPUs' worth`)
  if (cpus < 1) say('(this machine has one CPU, so the limit is set below one)')
  try {
    const loop = 'while :; do :; done & '
    const pid = start(image, [`--cpus=${cpus}`], `${loop.repeat(4)} wait`)
    await sleep(500)
    // Other work on this machine takes from the loops; the best of some windows is what the limit lets through.
    let [share, throttled] = [0, 0]
    for (let window = 0; window < 10 && share < cpus * 0.9; window++) {
      const before = cpuNow(pid)
      await sleep(2000)
      const after = cpuNow(pid)
      share = Math.max(share, (after.usageUsec - before.usageUsec) / 1000 / (after.atMs - before.atMs))
      throttled = Math.max(throttled, after.throttled - before.throttled)
    }
    say(`four loops used ${share.toFixed(2)} CPUs, and were throttled ${throttled} times in two seconds`)
    claim(share > cpus * 0.7 && share < cpus * 1.1, `that is the ${cpus} that was asked for`)
    claim(throttled > 0, 'the throttling counter moves')
  } finally {
    remove()
  }
}
