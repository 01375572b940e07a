// Programs of the machine run: one call each, round about, in an order that the seed begins; when all wait, time passes.

import type { Kernel } from './kernel.ts'
import { endProcess, endThread } from './life/exit.ts'
import { isBlocked, type Outcome } from './outcome.ts'
import { isSuspended, type Task } from './task.ts'
import type { TaskQueue } from './task-queue.ts'

const begin: Outcome = { value: 0 }

/**
 * Lets programs run until a condition holds. Tasks without a program do only what they are told from outside.
 *
 * @param limitNs - virtual time that is not passed
 * @returns whether the condition holds; false when nothing could change any more, or the time is over
 */
export function runUntil(
  kernel: Kernel,
  condition: () => boolean,
  limitNs: number = Number.POSITIVE_INFINITY,
): boolean {
  const { scheduler, clock } = kernel
  const { runnable } = scheduler
  if (runnable.first) rotate(runnable, kernel.random.below(runnable.size))
  for (;;) {
    scheduler.settle()
    if (condition()) return true
    if (runnable.first) step(kernel, runnable.first)
    else if (!clock.advance(limitNs)) {
      scheduler.settle()
      return condition()
    }
  }
}

function rotate(tasks: TaskQueue, by: number): void {
  for (let at = 0; at < by; at++) {
    const task = tasks.first!
    tasks.delete(task)
    tasks.add(task)
  }
}

/** The program computes; undefined: until it has had its time. */
function compute({ cpu, scheduler }: Kernel, task: Task, usec: number): Outcome | undefined {
  const reply = cpu?.consume(task, usec) ?? 0
  if (typeof reply === 'number') return { value: reply }
  if (!isBlocked(reply)) return reply
  scheduler.block(task, reply)
  return undefined
}

/** One call of a program: its turn is over then. */
function step(kernel: Kernel, task: Task): void {
  const { runnable } = kernel.scheduler
  runnable.delete(task)
  const { run } = task
  if (!run || !task.alive || task.blocked || isSuspended(task)) return
  const outcome = task.finished ?? begin
  task.finished = undefined
  const { done, value } = run.next(outcome)
  if (!task.alive) return
  if (done) {
    if (task === task.process.leader) endProcess(task.process, { code: value & 0xff, signal: 0 })
    else endThread(task, value & 0xff)
    return
  }
  // Its answer comes when the call that it waits in has one, or is there already when it was stopped behind it.
  if ('waits' in value) return
  if ('fault' in value) {
    endProcess(task.process, { code: 0, signal: value.fault })
    return
  }
  const before = kernel.lastBorn
  const answer = 'name' in value ? kernel.call(task, value) : compute(kernel, task, value.computeUsec)
  const { lastBorn } = kernel
  if ('name' in value && value.child && lastBorn && lastBorn !== before) {
    lastBorn.run = value.child(lastBorn)
    runnable.add(lastBorn)
  }
  // A program that execve(2) has replaced begins anew; one that has ended says nothing more.
  if (task.run !== run || !answer) return
  task.finished = answer
  runnable.add(task)
}
