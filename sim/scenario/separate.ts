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
  const waiting = new Map<number, number>()
  for (;;) {
    let moved = false
    for (const task of [...started].reverse()) {
      const queue = queues.get(task) ?? []
      while (queue.length > 0) {
        const [index] = queue as [number]
        const line = lines[index]!
        if (line.kind === 'call' && (await plays.waits(line.begun ?? index))) {
          waiting.set(task, index)
          break
        }
        waiting.delete(task)
        queue.shift()
        moved = true
        const result = await plays.line(line, index)
        if (result !== undefined && done(result, line)) return
        if (line.kind === 'begin' && makesTask.test(line.name)) begin(lines, index, tasks, started)
      }
    }
    if (moved) continue
    // Nobody can go on by himself: who waits longest is told to end, which lets time pass for him.
    const next = waiting.entries().next()
    if (next.done) return
    const [task, index] = next.value
    waiting.delete(task)
    queues.get(task)!.shift()
    const result = await plays.line(lines[index]!, index)
    if (result !== undefined && done(result, lines[index]!)) return
  }
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

function begin(lines: readonly Line[], index: number, tasks: readonly number[], started: Set<number>): void {
  const line = lines[index]
  const end = line?.kind === 'begin' && line.end !== undefined ? (lines[line.end] as CallLine) : undefined
  if (end?.expected.kind !== 'value' || end.expected.value <= 0n) return
  const pid = Number(end.expected.value)
  // In a pid namespace of its own it has another number.
  const child = tasks.includes(pid) ? pid : tasks.find((task) => !started.has(task))
  if (child !== undefined) started.add(child)
}
