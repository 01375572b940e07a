// One case of the failure tests: a verb on a fresh machine, one call of which is refused, or after one of whose calls the
// runtime is killed. What it says, and what it leaves, is looked at; the answer is a list of complaints.

import { cleanup } from '../../core/engine/cleanup.ts'
import { create } from '../../core/engine/create.ts'
import { list } from '../../core/engine/list.ts'
import { remove } from '../../core/engine/remove.ts'
import { listVolumes } from '../../core/engine/volume-list.ts'
import { removeVolume } from '../../core/engine/volume-remove.ts'
import type { Errno } from '../../core/errno.ts'
import { UserError } from '../../core/errors.ts'
import { reportFd } from '../../core/launch/descriptors.ts'
import type { Syscall, SyscallName } from '../../core/syscall.ts'
import { errnosOf } from '../../core/syscall-errors.ts'
import { runUntil } from '../../sim/run.ts'
import { print } from '../../sim/scenario/print.ts'
import { Crashed, type Fault, type SeenCall, watchCalls } from './failing-kernel.ts'
import type { FaultVerb } from './fault-verbs.ts'
import { changes, machineState } from './machine-state.ts'
import { openSimulatedEngine, type SimulatedEngine } from './sim-engine.ts'

export interface Course {
  readonly calls: readonly SeenCall[]
  readonly answer: unknown
  readonly error: unknown
  /** Before the verb, after it, and when everything has been removed after that. */
  readonly before: readonly string[]
  readonly after: readonly string[]
  readonly end: readonly string[]
  readonly complaints: readonly string[]
}

/** Directories and caches that are made once and stay; a draft that the next network writes over. */
const mayStay =
  /^[-+] cgroup \d+:\/vitrine \S|^[-+] file \/(?:var\/lib\/|run\/|var\/lib\/vitrine\/(?:containers|names|volumes|filters)\/|(?:var\/lib|run)\/vitrine\/(?:network\/(?:network\.json\.tmp)?)?|var\/lib\/vitrine\/filters\/[-\w]+) /

export const left = (before: readonly string[], after: readonly string[]): string[] =>
  changes(before, after).filter((line) => !mayStay.test(line))

/** The machine does what it has to do now; commands that monitors ask for are run. */
async function settle(engine: SimulatedEngine, cleanups: readonly SimulatedEngine[]): Promise<void> {
  const { machine } = engine
  const idle = () => {
    runUntil(machine, () => false, machine.clock.nowNs)
    // Process 1 does what it is there for.
    const one = { name: 'wait4', pid: -1, wstatus: 4, options: WNOHANG, rusage: 0 } as const
    for (;;) {
      const reaped = machine.call(machine.init, one)
      if (!reaped || 'errno' in reaped || reaped.value === 0) return
    }
  }
  idle()
  for (const { cleanups: asked } of cleanups)
    for (const argv of asked as string[][]) {
      const { host, settings } = engine
      await cleanup(host, settings, argv.at(-1)!)
      idle()
    }
  for (const { cleanups: asked } of cleanups) (asked as string[][]).length = 0
}

/** Plays one case. Without a fault it is how the verb goes. */
export async function play(verb: FaultVerb, fault?: Fault, usual?: Course): Promise<Course> {
  const engine = openSimulatedEngine()
  const next = engine.another()
  // A command would have ended by then, and left its zombies to process 1.
  const state = () =>
    machineState(engine.machine, engine.runtime, [next.runtime]).filter(
      (line) => !line.endsWith(': zombie, child of the runtime'),
    )
  const complaints: string[] = []
  const watch = watchCalls(engine.machine, engine.runtime)
  await verb.before(engine)
  // A thread for calls that wait is there, whether or not one has to.
  await engine.host.sleep(0)
  await settle(next, [engine])
  const before = state()
  watch.arm(fault)
  let answer: unknown
  let error: unknown
  try {
    answer = await verb.act(engine)
  } catch (caught) {
    error = caught
  }
  const calls = watch.disarm()
  await settle(next, [engine])
  const after = state()
  const crashed = fault !== undefined && 'crash' in fault
  if (crashed) {
    if (
      error !== undefined &&
      !(error instanceof Crashed) &&
      !/^the runtime was killed/.test(String((error as Error).message))
    )
      complaints.push(`it says ${String(error)}`)
    const goesOn = (lines: readonly string[]) => lines.some((line) => line.startsWith('process sleep: ids'))
    if (verb.undone === 'all' && goesOn(before) && !goesOn(after)) complaints.push('the container runs no longer')
  } else {
    complaints.push(...complaintsOfWords(error))
    if (usual !== undefined)
      complaints.push(...complaintsOfState(verb, { answer, error, before, after }, usual, isClaim(fault)))
  }
  await removeAll(next, complaints)
  if (crashed) await useAgain(next, complaints)
  await settle(next, [engine, next])
  const end = state().filter((line) => !/^descriptor \d+ of the runtime/.test(line))
  const claim = isClaim(fault)
  const remains = endComplaints(end, usual).filter((line) => !claim || !/: [-+] file /.test(line))
  return { calls, answer, error, before, after, end, complaints: [...complaints, ...remains] }
}

const endComplaints = (end: readonly string[], usual: Course | undefined): string[] =>
  usual === undefined ? [] : left(usual.end, end).map((line) => `after rm -f of everything: ${line}`)

function complaintsOfWords(error: unknown): string[] {
  if (error === undefined) return []
  if (!(error instanceof UserError)) return [`no sentence, but ${(error as Error).stack ?? String(error)}`]
  if (!/^\S[^\n]*\S$/.test(error.message) || /undefined|\[object|NaN/.test(error.message))
    return [`a strange sentence: ${JSON.stringify(error.message)}`]
  return [1, 2, 125, 126, 127].includes(error.exitCode) ? [] : [`exit code ${error.exitCode}`]
}

type Outcome = Pick<Course, 'answer' | 'error' | 'before' | 'after'>

const text = (answer: unknown) =>
  JSON.stringify(answer, (_, value) => (typeof value === 'bigint' ? String(value) : value))

/**
 * What these errnos say (it is not there, it is there already, it has ended) is not so: as if somebody else had come in
 * between. A verb that succeeds may have taken it for true; what runs must be right all the same.
 */
const claims: ReadonlySet<Errno> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ESRCH',
  'EEXIST',
  'ENOTEMPTY',
  'ENAMETOOLONG',
  'ECHILD',
  'ENODEV',
  'ENODATA',
])

const isClaim = (fault: Fault | undefined) => fault !== undefined && 'errno' in fault && claims.has(fault.errno)

function complaintsOfState(
  verb: FaultVerb,
  { answer, error, before, after }: Outcome,
  usual: Course,
  claim: boolean,
): string[] {
  if (error === undefined) {
    if (claim) {
      // That a process has ended is believed: nothing of it is left then.
      if (processesIn(usual.after).join() !== processesIn(after).join()) return descriptorsOf(left(before, after))
      const wrong = left(usual.after.map(withoutWeight), after.map(withoutWeight)).filter(
        (line) => !/^[-+] file |: (?:mount|descriptor) /.test(line),
      )
      return wrong.map((line) => `it succeeds, and yet: ${line}`)
    }
    const told = text(answer) === text(usual.answer)
    return [
      ...(told ? [] : [`it succeeds and answers ${text(answer)}`]),
      ...left(usual.after, after).map((line) => `it succeeds, and yet: ${line}`),
    ]
  }
  if (verb.undone === undefined || claim) return descriptorsOf(left(before, after))
  const changed = left(before, after)
  return changed
    .filter((line) => verb.undone === 'all' || !/^[-+] file /.test(line))
    .map((line) => `it is refused, and yet: ${line}`)
}

/** Which of two files has the weight of disks, and whether there is swap at all, is asked of the kernel. */
const withoutWeight = (line: string) => line.replace(/ io\.weight=default \d+| memory\.swap\.max=\S+/g, '')

const processesIn = (lines: readonly string[]) => lines.filter((line) => /^process \S+: (?:zombie|ids)/.test(line))

const descriptorsOf = (lines: readonly string[]) =>
  lines.filter((line) => /^. descriptor \d+ of the runtime/.test(line)).map((line) => `it is refused, and yet: ${line}`)

/** What is listed agrees with what runs; then all of it can be removed. */
async function removeAll({ host, settings, machine }: SimulatedEngine, complaints: string[]): Promise<void> {
  try {
    for (const row of await list(host, settings, { all: true, filters: {} })) {
      const process = machine.initial.pid.find(row.pid)?.task
      const runs = row.status === 'running' || row.status === 'paused'
      if (runs !== (process?.alive === true)) complaints.push(`ps says ${row.status} of process ${row.pid}`)
      if (process && (row.status === 'paused') !== (process.frozen !== undefined))
        complaints.push(`ps says ${row.status}, and its process is ${process.frozen ? 'frozen' : 'not frozen'}`)
      await remove(host, settings, row.id, { force: true, volumes: true })
    }
    for (const { name } of await listVolumes(host, settings)) await removeVolume(host, settings, name, { force: true })
  } catch (error) {
    complaints.push(`what is left cannot be removed: ${(error as Error).stack}`)
  }
  runUntil(machine, () => false, machine.clock.nowNs)
}

const CLONE_THREAD = 0x10000
const WNOHANG = 1

/** Its name is free again, and what the killed command has left is in nobody's way. */
async function useAgain({ host, settings, request }: SimulatedEngine, complaints: string[]): Promise<void> {
  try {
    const { id } = await create(host, settings, request(['true'], { name: 'web' }))
    await remove(host, settings, id, { force: true, volumes: true })
  } catch (error) {
    complaints.push(`there can be no such container afterwards: ${(error as Error).stack}`)
  }
}

/** Calls of a plan's steps. What else a monitor calls is its own affair: the real one is another program. */
const stepsOfMonitor: ReadonlySet<SyscallName> = new Set([
  'openat',
  'write',
  'mkdirat',
  'bpf',
  'clone3',
  'unlinkat',
  'mount',
  'unshare',
])
/** Its log, and the file with the exit status, are written to descriptors that it has from the start. */
const isStep = (call: Syscall, on: SeenCall['on']): boolean => {
  if (!stepsOfMonitor.has(call.name) || on === 'fifo') return false
  if (call.name === 'openat')
    return call.pathname?.startsWith('/proc/self/ns/') !== true && call.pathname !== 'exit.tmp'
  return call.name !== 'write' || !/^(?:\d+ \d+ \d+ |\d{4}-\d\d-\d\dT)/.test(textOf(call.buf))
}

const textOf = (bytes: Uint8Array | string) => (typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes))

/** Of a pipe there is not more to be said than that a signal has come: both ends are held, and no disk is full. pipe(7) */
const ofPipes: readonly Errno[] = ['EINTR']

/** Every fault that a verb can meet: each call that it makes, each errno that Linux can answer there. */
export function faultsOf({ calls }: Course): Fault[] {
  return calls.flatMap(({ who, call, on }, at) => {
    if (who === 'monitor' && !isStep(call, on)) return []
    // Threads are the JavaScript engine's.
    if (call.name === 'clone3' && (call.cl_args.flags & CLONE_THREAD) !== 0) return []
    // A child that has no report to tell on is told of by nothing; that it can have one was asked before.
    if (call.name === 'dup3' && call.newfd === reportFd) return []
    const listed: readonly Errno[] = (errnosOf as Partial<Record<SyscallName, readonly Errno[]>>)[call.name] ?? []
    // What is to be removed and is said to be gone is not looked for again.
    if (call.name === 'unlinkat') return listed.filter((errno) => errno !== 'ENOENT').map((errno) => ({ at, errno }))
    const errnos = on === 'fifo' && (call.name === 'read' || call.name === 'write') ? ofPipes : listed
    return errnos.map((errno) => ({ at, errno }))
  })
}

const short = ({ call }: SeenCall): string =>
  print(call, { value: 0 })
    .replaceAll(/[0-9a-f]{64}/g, 'ID')
    .replaceAll('/var/lib/vitrine', 'ROOT')

/** The last call that is printed so; ids stand as ID, the state directory as ROOT. */
export function callLike({ calls }: Course, pattern: RegExp): number {
  const at = calls.findLastIndex((seen) => pattern.test(short(seen)))
  if (at < 0) throw new Error(`there is no call like ${pattern}`)
  return at
}

/** In words: which call of which verb, and what became of it. */
export function tell(verb: FaultVerb, fault: Fault, { calls, error, complaints }: Course): string {
  const seen = calls[fault.at]
  const outcome = 'errno' in fault ? { errno: fault.errno, rule: '', sentence: '' } : undefined
  const line = seen === undefined ? '(not made)' : `[${seen.who}] ${print(seen.call, outcome)}`
  const what = 'errno' in fault ? line : `${line}: the runtime is killed`
  return [
    `${verb.name}, call ${fault.at}: ${what}`,
    ...(error instanceof Error ? [`  it says: ${error.message}`] : []),
    ...complaints.map((complaint) => `  ${complaint}`),
    `  replay: VITRINE_FAULT='${verb.name}:${fault.at}:${'errno' in fault ? fault.errno : 'crash'}' npx vitest run test/unit/sim/faults.test.ts`,
  ].join('\n')
}
