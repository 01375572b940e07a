// Logs of one program in several files, as strace -ff writes them: FILE.PID has the lines of one task. The order among
// tasks is that in which their calls can end: one that waits ends only after what it waits for.

import type { CallLine, Line, Scenario } from './scenario.ts'
import { parseScenario } from './scenario.ts'

export interface LogFile {
  readonly name: string
  readonly text: string
}

/** One scenario of the lines of several files, each of which ends in `.PID`. */
export function joinLogs(files: readonly LogFile[]): Scenario {
  const sorted = files
    .map(({ name, text }) => ({
      pid: Number(/\.(\d+)$/.exec(name)?.[1] ?? 0),
      lines: text.split('\n').filter(Boolean),
    }))
    .sort((a, b) => a.pid - b.pid)
  const text = sorted.flatMap(({ pid, lines }) => lines.map((line) => `${pid} ${line}`)).join('\n')
  const scenario = parseScenario(text)
  return { ...scenario, lines: begun(scenario.lines), tasks: sorted.map(({ pid }) => pid) }
}

/** Every call as two lines: where it begins, and where it ends. */
function begun(lines: readonly Line[]): readonly Line[] {
  const doubled: Line[] = []
  for (const line of lines) {
    if (line.kind !== 'call' || line.begun !== undefined) {
      doubled.push(line)
      continue
    }
    const { name, args, task, text } = line
    doubled.push({ kind: 'begin', task, end: doubled.length + 1, name, args, line: line.line, text })
    doubled.push({ ...line, begun: doubled.length - 1 })
  }
  return doubled
}

/** What the order asks of whoever plays the lines. */
export interface Plays<T> {
  line(line: Line, index: number): Promise<T | undefined>
  /** Whether the call that was begun at an index goes on waiting. */
  waits(index: number): Promise<boolean>
}

const makesTask = /^(clone3?|v?fork)$/

/** Plays the lines of each task in their order, and of the tasks whichever can go on. */
export async function inAnyOrder<T>(
  { lines, tasks }: { readonly lines: readonly Line[]; readonly tasks: readonly number[] },
  plays: Plays<T>,
  done: (result: T, line: Line) => boolean,
): Promise<void> {
  const queues = new Map<number, number[]>(tasks.map((task) => [task, []]))
  for (const [index, line] of lines.entries()) if ('task' in line) queues.get(line.task ?? -1)?.push(index)
  const started = new Set<number>([firstOf(lines, tasks)])
  const groups = new Map<number, number>()
  const play = async (task: number): Promise<boolean> => {
    const index = queues.get(task)!.shift()!
    const line = lines[index]!
    const result = await plays.line(line, index)
    if (line.kind === 'begin' && makesTask.test(line.name)) {
      const child = begin(lines, index, tasks, started)
      if (child !== undefined) groups.set(child, line.text.includes('CLONE_THREAD') ? groupOf(groups, task) : child)
    }
    return result !== undefined && done(result, line)
  }
  for (;;) {
    const waiting: number[] = []
    const ready: number[] = []
    for (const task of started) {
      const [index] = queues.get(task) ?? []
      const line = index === undefined ? undefined : lines[index]
      if (line === undefined) continue
      if (line.kind === 'call' && (await plays.waits(line.begun ?? index!))) waiting.push(task)
      else ready.push(task)
    }
    // Nobody can go on by himself: who waits longest is told to end, which lets time pass for him.
    const lineOf = (task: number) => lines[queues.get(task)![0]!]!
    const held = (task: number) =>
      isLast(lineOf(task)) &&
      [...ready, ...waiting].some(
        (other) => other !== task && groupOf(groups, other) === groupOf(groups, task) && !isLast(lineOf(other)),
      )
    const next =
      chosen(
        ready.filter((task) => !held(task)),
        lineOf,
      ) ??
      waiting[0] ??
      ready[0]
    if (next === undefined) return
    if (await play(next)) return
    // As far as its times allow, a task goes on until it waits.
    while (timeOf(lines[queues.get(next)?.[0] ?? -1]) === undefined) {
      const [index] = queues.get(next) ?? []
      const line = index === undefined ? undefined : lines[index]
      if (line === undefined || isLast(line) || (line.kind === 'call' && (await plays.waits(line.begun ?? index!))))
        break
      if (await play(next)) return
    }
  }
}

const groupOf = (groups: ReadonlyMap<number, number>, task: number): number => groups.get(task) ?? task

/** A call that ends all threads of its process. */
const isEnd = (line: Line): boolean => line.kind === 'begin' && line.name === 'exit_group'

/** It ends with its process. */
const isLast = (line: Line): boolean =>
  isEnd(line) || line.kind === 'end' || ('expected' in line && line.expected.kind === 'left out')

/** The earliest, where there are times; otherwise the youngest. */
function chosen(ready: readonly number[], lineOf: (task: number) => Line): number | undefined {
  if (ready.length > 0 && ready.every((task) => timeOf(lineOf(task)) !== undefined))
    return ready.reduce((first, task) => (timeOf(lineOf(task))! < timeOf(lineOf(first))! ? task : first))
  return ready.at(-1)
}

/** Seconds before a line (-tt, -ttt), for the order; undefined without fractions of them. */
function timeOf(line: Line | undefined): number | undefined {
  if (line === undefined) return undefined
  const parts = /^\d+ (?:(\d\d):(\d\d):(\d\d\.\d+)|(\d{9,}\.\d+)) /.exec(line.text)
  if (parts === null) return undefined
  return parts[4] === undefined ? Number(parts[1]) * 3600 + Number(parts[2]) * 60 + Number(parts[3]) : Number(parts[4])
}

/** The task that no other has made. */
function firstOf(lines: readonly Line[], tasks: readonly number[]): number {
  const made = new Set(
    lines.flatMap((line) =>
      line.kind === 'call' && makesTask.test(line.name) && line.expected.kind === 'value'
        ? [Number(line.expected.value)]
        : [],
    ),
  )
  return tasks.find((task) => !made.has(task)) ?? tasks[0] ?? -1
}

function begin(
  lines: readonly Line[],
  index: number,
  tasks: readonly number[],
  started: Set<number>,
): number | undefined {
  const line = lines[index]
  const end = line?.kind === 'begin' && line.end !== undefined ? (lines[line.end] as CallLine) : undefined
  if (end?.expected.kind !== 'value' || end.expected.value <= 0n) return undefined
  const pid = Number(end.expected.value)
  // In a pid namespace of its own it has another number.
  const child = tasks.includes(pid) ? pid : tasks.find((task) => !started.has(task))
  if (child !== undefined) started.add(child)
  return child
}
