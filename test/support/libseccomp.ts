// libseccomp's reading of a profile, through a small C program that is compiled for the test.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { LinuxSeccomp, LinuxSyscall } from '../../core/spec/types.ts'
import { returnValue } from './seccomp-model.ts'

// enum scmp_compare and SCMP_ARCH_* of seccomp.h
const operators = ['', 'NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'].map((name) => `SCMP_CMP_${name}`)
const tokens: Readonly<Record<string, number>> = {
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_X32: 0x4000003e,
  SCMP_ARCH_AARCH64: 0xc00000b7,
  SCMP_ARCH_ARM: 0x40000028,
}

/** Compiles a program of test/support into `directory`; undefined where gcc or a library's headers are missing. */
export function buildProgram(directory: string, name: string, ...options: string[]): string | undefined {
  const program = join(directory, name)
  try {
    execFileSync('gcc', ['-O1', '-o', program, join(import.meta.dirname, `${name}.c`), ...options], { stdio: 'ignore' })
    return program
  } catch {
    return undefined
  }
}

/** The filter that libseccomp makes when it is told the rules as runc and crun tell it. */
export function libseccompProgram(oracle: string, profile: LinuxSeccomp): Uint8Array {
  const otherwise = returnValue(profile.defaultAction, profile.defaultErrnoRet)
  const lines = [`default ${otherwise}`, ...(profile.architectures ?? []).map((name) => `arch ${tokens[name]}`)]
  for (const entry of profile.syscalls ?? []) {
    const action = returnValue(entry.action, entry.errnoRet)
    if (action !== otherwise)
      for (const name of entry.names) for (const args of rules(entry)) lines.push(`rule ${action} ${name} ${args}`)
  }
  return execFileSync(oracle, { input: lines.join('\n'), stdio: ['pipe', 'pipe', 'ignore'] })
}

/** The conditions of each rule; two of one argument make a rule each. */
function rules({ args = [] }: LinuxSyscall): string[] {
  const words = args.map(
    ({ index, op, value, valueTwo = 0 }) => `${index} ${operators.indexOf(op)} ${decimal(value)} ${decimal(valueTwo)}`,
  )
  const repeated = new Set(args.map(({ index }) => index)).size < args.length
  return repeated ? words.map((word) => `1 ${word}`) : [[args.length, ...words].join(' ')]
}

function decimal(value: number): string {
  return String(value === 2 ** 64 ? 2n ** 64n - 1n : BigInt(value))
}
