// What metering and suspension cost: kernels of C as plain modules of the engine, metered, metered and suspendable, as a process
// of the simulated machine, and as machine code.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fuelExport, meterImports, meterModule } from '../../backends/sim/wasm/meter.ts'
import { makeSuspendable } from '../../backends/sim/wasm/suspension.ts'
import { compile } from '../../scripts/guests/clang.ts'
import { inTurns } from '../support/measure.ts'

const source = readFileSync(join(import.meta.dirname, 'kernels.c'), 'utf8')
export const kernelNames: readonly string[] = [...source.matchAll(/EXPORT\((\w+)\)/g)]
  .map(([, name]) => name!)
  .filter((name) => name !== 'name')

const rounds = 15
const millisecondsEach = 20
const warmMilliseconds = 200
/** As long as a slice of a process. */
const fuel = 100_000

type Kernels = Record<string, (rounds: number) => number>

/** Where it may be suspended it is not: it gets more fuel, and goes on. */
function instantiate(bytes: Uint8Array): Kernels {
  let global: { value: number } | undefined
  const pause = () => {
    global!.value = fuel
  }
  const meter = { pause, grow: () => -1, overflow: () => {} }
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>), {
    [meterImports]: meter,
  })
  global = exports[fuelExport] as { value: number } | undefined
  if (global) global.value = fuel
  return exports as unknown as Kernels
}

/** Machine code of the same: a program that says how many milliseconds a kernel took. */
function nativeKernels(directory: string): (name: string, count: number) => { value: number; ms: number } {
  const program = join(directory, 'kernels')
  const calls = kernelNames.map((name) => `if (!strcmp(argv[1], "${name}")) value = ${name}(atoi(argv[2]));`)
  const main = `#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
int main(int argc, char **argv) {
  struct timespec from, to;
  u32 value = argc;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
  ${calls.join('\n  ')}
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
  printf("%u %f\\n", value, (to.tv_sec - from.tv_sec) * 1e3 + (to.tv_nsec - from.tv_nsec) / 1e6);
}`
  const text = source.replace(/#define EXPORT.*/, '#define EXPORT(name)')
  writeFileSync(`${program}.c`, `${text}\n${main.replace(/EXPORT\(\w+\) /g, '')}`)
  execFileSync('gcc', ['-O2', '-w', '-o', program, `${program}.c`, '-lm'])
  return (name, count) => {
    const [value, ms] = execFileSync(program, [name, String(count)], { encoding: 'utf8' }).split(' ')
    return { value: Number(value) >>> 0, ms: Number(ms) }
  }
}

export interface KernelTimes {
  readonly name: string
  /** As many times as the plain module takes. */
  readonly native: number
  readonly metered: number
  readonly suspendable: number
}

/** Processor time, so that what else the machine does counts little. */
function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const geometric = (values: readonly number[]) =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)

/** Every kernel by every means, in turns, and the geometric means of their ratios. */
export async function measureKernels(
  directory: string,
): Promise<{ each: KernelTimes[]; metered: number; suspendable: number }> {
  const plainBytes = await compile({ 'kernels.c': source }, ['-O2'])
  const { bytes: meteredBytes } = meterModule(plainBytes)
  const suspendableBytes = await makeSuspendable(meteredBytes)
  const native = nativeKernels(directory)
  const plain = instantiate(plainBytes)
  const metered = instantiate(meteredBytes)
  const suspendable = instantiate(suspendableBytes)
  const each: KernelTimes[] = []
  for (const name of kernelNames) {
    for (let call = 0; call < 20; call++) plain[name]!(1)
    let count = 1
    for (let ms = 0; ms < millisecondsEach; ) {
      const start = performance.now()
      plain[name]!(count)
      ms = performance.now() - start
      if (ms < millisecondsEach) count = Math.max(count + 1, Math.ceil((count * millisecondsEach) / Math.max(ms, 1)))
    }
    // Engines compile anew what has been called often: until they are done.
    for (const kernels of [plain, metered, suspendable])
      for (const end = performance.now() + warmMilliseconds; performance.now() < end; ) kernels[name]!(1)
    const expected = native(name, count).value
    const timed = (kernels: Kernels) => () => {
      const start = cpuMilliseconds()
      if (kernels[name]!(count) >>> 0 !== expected) throw new Error(`${name} computes something else`)
      return cpuMilliseconds() - start
    }
    const times = await inTurns(
      [
        { name: 'native', run: () => native(name, count).ms },
        { name: 'plain', run: timed(plain) },
        { name: 'metered', run: timed(metered) },
        { name: 'suspendable', run: timed(suspendable) },
      ],
      rounds,
      0,
    )
    const of = (what: string) => Math.min(...times.get(what)!) / Math.min(...times.get('plain')!)
    each.push({ name, native: of('native'), metered: of('metered'), suspendable: of('suspendable') })
  }
  return {
    each,
    metered: geometric(each.map(({ metered }) => metered)),
    suspendable: geometric(each.map(({ suspendable }) => suspendable)),
  }
}
