// The contract: scenarios in test/contract/rules, each named by rules of the catalogue, and what they need of a machine.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { kernelVersion } from '../../backends/player/machine.ts'
import { builtPlayer } from '../../backends/player/program.ts'
import { realStage } from '../../backends/player/stage.ts'
import { play } from '../../sim/scenario/play.ts'
import { passes, type Result } from '../../sim/scenario/result.ts'
import { parseScenarios, type Scenario } from '../../sim/scenario/scenario.ts'
import { simulatedStage } from '../../sim/scenario/stage-sim.ts'
import { holdsOn, machineFor } from '../../sim/scenario/version.ts'
import { isEmulated, isUserModeLinux, missing } from './needs.ts'
import { repository } from './source.ts'

export interface Contract {
  readonly file: string
  readonly scenario: Scenario
}

const directory = join(repository, 'test/contract')

/** Every rule of the catalogue. */
export const allRules = (): string[] => readFileSync(join(directory, 'rules.txt'), 'utf8').trim().split('\n')

/** Every scenario, file by file. */
export function contracts(): Contract[] {
  const rules = join(directory, 'rules')
  return readdirSync(rules)
    .filter((name) => name.endsWith('.strace'))
    .sort()
    .flatMap((file) => parseScenarios(readFileSync(join(rules, file), 'utf8')).map((scenario) => ({ file, scenario })))
}

/** Controllers that children of a cgroup of ours have on the unified hierarchy. */
function unifiedControllers(): string[] {
  for (const root of ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']) {
    const path = `${root}/cgroup.subtree_control`
    if (existsSync(path)) return readFileSync(path, 'utf8').trim().split(' ')
  }
  return []
}

const controllers = ['memory', 'pids', 'cpu', 'cpuset', 'io', 'hugetlb', 'misc', 'rdma']

/** Why a scenario cannot be played on this machine's kernel; undefined when it can. */
export function cannotPlay({ needs, kernel, cgroups }: Scenario): string | undefined {
  const basic = missing({ linux: true, root: true })
  if (basic !== undefined) return basic
  if (builtPlayer() === undefined) return 'needs gcc'
  if (kernel !== undefined && !holdsOn(kernel, { kind: 'linux', version: kernelVersion() }))
    return `needs Linux ${kernel}`
  if (cgroups !== 'v2') {
    const lacks = missing({ cgroupV1: true })
    if (lacks !== undefined) return lacks
  }
  for (const need of needs) {
    const lacks = lacksNeed(need, cgroups)
    if (lacks !== undefined) return lacks
  }
  return undefined
}

function lacksNeed(need: string, cgroups: Scenario['cgroups']): string | undefined {
  if (need === 'root') return undefined
  if (need === 'cgroup-root')
    return isEmulated() ? undefined : 'sees the root of the cgroups itself: only in an emulated machine'
  if (need === 'numa') return existsSync('/sys/devices/system/node/node0') ? undefined : 'needs nodes of memory'
  if (need === 'pressure') return existsSync('/proc/pressure/memory') ? undefined : 'needs pressure stall information'
  if (need === 'emulated') return isEmulated() ? undefined : 'needs the disk of an emulated machine'
  if (need === 'uml')
    return isUserModeLinux() || isEmulated() ? undefined : 'changes the whole machine: only in user-mode Linux'
  if (need === 'cgroup2')
    return existsSync('/sys/fs/cgroup/cgroup.procs') || existsSync('/sys/fs/cgroup/unified/cgroup.procs')
      ? undefined
      : 'needs cgroup v2'
  if (controllers.includes(need))
    return cgroups === 'v2'
      ? unifiedControllers().includes(need)
        ? undefined
        : `needs the ${need} controller on cgroup v2`
      : missing({ controllers: [need] })
  if (need.startsWith('cap_')) return missing({ capabilities: [need.slice(4).toUpperCase() as 'SYS_RESOURCE'] })
  if (need === 'time') return missing({ namespaces: ['time'] })
  if (need === 'seccomp') return missing({ seccompFilters: true })
  if (/^(overlay|fuse|mqueue|ext4)$/.test(need)) return missing({ filesystems: [need] })
  if (need === 'nsdelegate' || need === 'no-nsdelegate') {
    const delegates = / - cgroup2 .*\bnsdelegate\b/.test(readFileSync('/proc/self/mountinfo', 'utf8'))
    return delegates === (need === 'nsdelegate')
      ? undefined
      : `needs cgroup2 mounted ${delegates ? 'without' : 'with'} nsdelegate`
  }
  if (need === 'veth' || need === 'dummy' || need === 'bridge') return missing({ links: [need] })
  const cpus = /^cpus=(\d+)$/.exec(need)?.[1]
  if (cpus !== undefined) return missing({ cpus: Number(cpus) })
  return `needs ${need}, which test/support/contract.ts does not know`
}

export async function playSimulated(scenario: Scenario): Promise<Result> {
  return await play(scenario, simulatedStage(machineFor(scenario)))
}

export async function playReal(scenario: Scenario): Promise<Result> {
  const stage = await realStage(scenario.cgroups, scenario.needs.includes('cgroup-root'))
  try {
    return await play(scenario, stage)
  } finally {
    await stage.close()
  }
}

/** One word for the table, and the call that decides. */
export function outcomeOf(result: Result): string {
  const first = (verdict: string) => result.played.find((played) => played.verdict === verdict)
  const bad = first('differs') ?? first('fails')
  if (bad) return `differs at line ${bad.line}: ${bad.actual}`
  const unknown = first('not modelled')
  if (!passes(result) && unknown) return `not modelled at line ${unknown.line}: ${unknown.actual}`
  if (first('skipped')) return 'skipped in part'
  return first('declared') ? 'agrees, with a declared difference' : 'agrees'
}
