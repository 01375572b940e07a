// The processors: tasks that compute get virtual time on them, shared by weight and cut by quota. Between two moments at which
// anything changes every task runs at a steady rate, so that what it has had is exact. Hangs on the kernel as `kernel.cpu`.

import { type Cgroup, effectiveState, type Hierarchy } from '../cgroup/cgroup.ts'
import type { Controller } from '../cgroup/controller.ts'
import type { Timer } from '../clock.ts'
import type { Kernel } from '../kernel.ts'
import type { Reply } from '../outcome.ts'
import { isSuspended, type Task } from '../task.ts'
import { type Waiter, WaitQueue } from '../wait.ts'
import { type Bandwidth, type CpuGroup, refill } from './group.ts'
import { type CpuMask, firstCpus, weightOf } from './mask.ts'
import { type Claim, share } from './shares.ts'
import { weightOfNice } from './weight.ts'

/** A task that computes. */
interface Running extends Claim {
  readonly task: Task
  weight: number
  cpus: CpuMask
  leftNs: number
  /** How much it has had in all. */
  hadNs: number
}

/** Less than this is nothing: sums of fractions are not exact. */
const tinyNs = 0.01

/** Leaving it, for whatever reason, is leaving the processors. */
class RunQueue extends WaitQueue {
  readonly #left: () => void

  constructor(left: () => void) {
    super()
    this.#left = left
  }

  override remove(waiter: Waiter): void {
    super.remove(waiter)
    this.#left()
  }
}

export class Processors {
  readonly #kernel: Kernel
  readonly #controller: Controller<CpuGroup>
  readonly #running = new Map<Task, Running>()
  /** Where the cpu controller is, and all hierarchies whose cgroups tell how much time they had. */
  hierarchy!: Hierarchy
  #told: readonly Hierarchy[] | undefined
  #updatedNs = 0
  #timer: Timer | undefined
  /** Seconds of load as in /proc/loadavg, and when they were last looked at. */
  readonly #loads: [number, number, number] = [0, 0, 0]

  constructor(kernel: Kernel, controller: Controller<CpuGroup>) {
    this.#kernel = kernel
    this.#controller = controller
  }

  /** Where a task may run: its affinity within its cpuset. */
  allowed(task: Task): CpuMask {
    return this.#kernel.cpuset?.allowed(task) ?? firstCpus(this.#kernel.config.cpus)
  }

  groupOf(task: Task): CpuGroup {
    return effectiveState(task.cgroups.get(this.hierarchy)!, this.#controller)
  }

  /**
   * A task computes: it waits until it has had so much time of a processor. For programs, and for guests that are metered;
   * there is no such system call. Answers 0, or how many microseconds are left when a signal with a handler came.
   */
  consume(task: Task, usec: number): Reply {
    if (usec <= 0) return 0
    this.update()
    const running: Running = { task, weight: 0, cpus: 0n, rate: 0, leftNs: usec * 1000, hadNs: 0 }
    this.#running.set(task, running)
    this.#plan()
    return {
      queues: [new RunQueue(() => this.#leave(task, running))],
      interruptible: true,
      restarts: false,
      interrupted: () => {
        this.update()
        return { value: Math.ceil(running.leftNs / 1000) }
      },
      again: () => {
        this.update()
        this.#plan()
        return running.leftNs <= tinyNs ? { value: 0 } : undefined
      },
    }
  }

  #leave(task: Task, running: Running): void {
    if (this.#running.get(task) !== running) return
    this.update()
    this.#running.delete(task)
    this.#plan()
  }

  /** Something of a task has changed: its cgroup, where it may run, its nice value, whether it may run at all. */
  changed(task: Task): void {
    if (!this.#running.has(task)) return
    this.update()
    this.#plan()
  }

  /** Something of a cgroup has changed. Call `update` before the change, and this after it. */
  replan(): void {
    if (this.#running.size > 0) this.#plan()
  }

  /** Runnable tasks, as /proc/loadavg counts them. */
  get runnable(): number {
    return this.#running.size
  }

  /** Whether it computes, or waits for a processor. */
  computes(task: Task): boolean {
    return this.#running.has(task)
  }

  /** Averages over 1, 5 and 15 minutes. */
  load(): readonly [number, number, number] {
    this.update()
    return this.#loads
  }

  /** Gives everybody the time that has passed since the last look. */
  update(): void {
    const { nowNs } = this.#kernel.clock
    const passedNs = nowNs - this.#updatedNs
    if (passedNs <= 0) return
    this.#updatedNs = nowNs
    for (const [at, minutes] of [1, 5, 15].entries()) {
      const kept = Math.exp(-passedNs / (minutes * 60e9))
      this.#loads[at] = this.#loads[at]! * kept + this.#running.size * (1 - kept)
    }
    for (const running of this.#running.values()) {
      if (running.rate === 0) continue
      const hadNs = Math.min(running.leftNs, running.rate * passedNs)
      running.leftNs -= hadNs
      running.hadNs += hadNs
      running.task.cpuNs += hadNs
      this.#account(running.task, hadNs)
      for (let at: CpuGroup | undefined = this.groupOf(running.task); at; at = at.parent)
        if (at.bandwidth) {
          at.bandwidth.leftNs -= hadNs
          at.bandwidth.used = true
        }
    }
  }

  #account(task: Task, ns: number): void {
    this.#told ??= [...task.cgroups.keys()].filter(
      ({ version, controllers }) =>
        version === 2 || controllers.some(({ name }) => name === 'cpuacct' || name === 'cpu'),
    )
    const nice = task.nice > 0
    for (const hierarchy of this.#told)
      for (let at: Cgroup | undefined = task.cgroups.get(hierarchy); at; at = at.parent) {
        at.cpuNs += ns
        if (nice) at.niceNs += ns
      }
  }

  /** Decides at which rate everybody runs, and until when. */
  #plan(): void {
    const { clock } = this.#kernel
    if (this.#timer) clock.cancel(this.#timer)
    this.#timer = undefined
    this.#throttle()
    const claims = this.#claims()
    share(claims)
    let next = Number.POSITIVE_INFINITY
    const rates = new Map<CpuGroup, number>()
    for (const { task, rate, leftNs } of claims) {
      if (rate === 0) continue
      next = Math.min(next, leftNs / rate)
      for (let at: CpuGroup | undefined = this.groupOf(task); at; at = at.parent)
        if (at.bandwidth) rates.set(at, (rates.get(at) ?? 0) + rate)
    }
    for (const [group, rate] of rates) {
      next = Math.min(next, group.bandwidth!.leftNs / rate)
      this.#startPeriods(group)
    }
    if (next === Number.POSITIVE_INFINITY) return
    this.#timer = clock.set(clock.nowNs + Math.max(1, Math.ceil(next - tinyNs)), () => this.#due())
  }

  #due(): void {
    this.#timer = undefined
    this.update()
    for (const { task, leftNs } of this.#running.values()) if (leftNs <= tinyNs) task.woken()
    this.#plan()
  }

  /** Those that may run now, each with its part of the weight of all (CPU-007). */
  #claims(): Running[] {
    const claims: Running[] = []
    const sums = new Map<CpuGroup, number>()
    for (const running of this.#running.values()) {
      const { task } = running
      running.rate = 0
      if (isSuspended(task) || running.leftNs <= tinyNs) continue
      const group = this.groupOf(task)
      if (throttledBy(group)) continue
      running.cpus = this.allowed(task)
      claims.push(running)
      let first = !sums.has(group)
      sums.set(group, (sums.get(group) ?? 0) + weightOfNice(task.nice))
      // A group is one competitor among its siblings, however many run in it.
      for (let at = group; first && at.parent; at = at.parent) {
        first = !sums.has(at.parent)
        sums.set(at.parent, (sums.get(at.parent) ?? 0) + at.weight)
      }
    }
    for (const running of claims) {
      const group = this.groupOf(running.task)
      let weight = weightOfNice(running.task.nice) / sums.get(group)!
      for (let at = group; at.parent; at = at.parent) weight *= at.weight / sums.get(at.parent)!
      running.weight = weight
    }
    return claims
  }

  /** Groups that have used up what they may have: they wait for the end of their period (CPU-006). */
  #throttle(): void {
    for (const { task } of this.#running.values())
      for (let at: CpuGroup | undefined = this.groupOf(task); at; at = at.parent) {
        const { bandwidth } = at
        if (!bandwidth || bandwidth.leftNs > tinyNs || bandwidth.throttledSinceNs !== undefined) continue
        bandwidth.throttledSinceNs = this.#kernel.clock.nowNs
        bandwidth.throttledCpus = this.#busyCpus(at)
        this.#startPeriods(at)
      }
  }

  /** On how many processors tasks of a group would run. */
  #busyCpus(group: CpuGroup): number {
    let tasks = 0
    let cpus = 0n
    for (const { task, leftNs } of this.#running.values()) {
      if (isSuspended(task) || leftNs <= tinyNs || !isBelow(this.groupOf(task), group)) continue
      tasks += 1
      cpus |= this.allowed(task)
    }
    return Math.min(tasks, weightOf(cpus))
  }

  #startPeriods(group: CpuGroup): void {
    const bandwidth = group.bandwidth!
    if (bandwidth.timer) return
    const { clock } = this.#kernel
    bandwidth.used = true
    bandwidth.timer = clock.set(clock.nowNs + bandwidth.periodNs, () => this.#periodEnds(group, bandwidth))
  }

  /** do_sched_cfs_period_timer() */
  #periodEnds(group: CpuGroup, bandwidth: Bandwidth): void {
    bandwidth.timer = undefined
    if (group.bandwidth !== bandwidth) return
    this.update()
    const throttled = bandwidth.throttledSinceNs !== undefined
    const idle = !bandwidth.used && !throttled
    group.throttling.periods += 1
    refill(group)
    bandwidth.used = false
    if (throttled) {
      group.throttling.throttled += 1
      if (bandwidth.leftNs > tinyNs) this.unthrottle(group)
    }
    if (!idle) {
      const { clock } = this.#kernel
      bandwidth.timer = clock.set(clock.nowNs + bandwidth.periodNs, () => this.#periodEnds(group, bandwidth))
    }
    this.#plan()
  }

  /** The group may run again; the time it could not is counted for each processor. */
  unthrottle(group: CpuGroup): void {
    const { bandwidth, throttling } = group
    if (bandwidth?.throttledSinceNs === undefined) return
    throttling.throttledNs += (this.#kernel.clock.nowNs - bandwidth.throttledSinceNs) * bandwidth.throttledCpus
    bandwidth.throttledSinceNs = undefined
  }

  /**
   * Sets quota, period and burst of a group together; a quota of undefined is none. tg_set_cfs_bandwidth()
   */
  setBandwidth(
    group: CpuGroup,
    limits: { quotaUsec: number | undefined; periodUsec: number; burstUsec: number },
  ): void {
    const { quotaUsec, periodUsec, burstUsec } = limits
    this.update()
    this.unthrottle(group)
    const before = group.bandwidth
    if (before?.timer) this.#kernel.clock.cancel(before.timer)
    group.periodUsec = periodUsec
    group.burstUsec = burstUsec
    group.bandwidth =
      quotaUsec === undefined
        ? undefined
        : {
            ...{ quotaNs: quotaUsec * 1000, periodNs: periodUsec * 1000, burstNs: burstUsec * 1000 },
            ...{ leftNs: quotaUsec * 1000, startNs: quotaUsec * 1000, timer: undefined, used: false },
            ...{ throttledSinceNs: undefined, throttledCpus: 0 },
          }
    this.replan()
  }

  /** For the digest. */
  hidden(): object {
    return { running: this.#running, updatedNs: this.#updatedNs, timer: this.#timer, loads: this.#loads }
  }
}

function throttledBy(group: CpuGroup): boolean {
  for (let at: CpuGroup | undefined = group; at; at = at.parent)
    if (at.bandwidth?.throttledSinceNs !== undefined) return true
  return false
}

function isBelow(group: CpuGroup, top: CpuGroup): boolean {
  for (let at: CpuGroup | undefined = group; at; at = at.parent) if (at === top) return true
  return false
}
