// Signals by name, what they do by default, and flags of sigaction(2). signal(7)

export const SIG = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
} as const

export const lastSignal = 64
/** From here on each is queued; of the others one of a kind waits at a time (PID-105). */
export const firstQueued = 32

export const SA = {
  NOCLDSTOP: 1,
  NOCLDWAIT: 2,
  RESTART: 0x10000000,
  NODEFER: 0x40000000,
  RESETHAND: 0x80000000,
} as const

export const bit = (signal: number): bigint => bits[signal]!
const bits: readonly bigint[] = Array.from({ length: lastSignal + 1 }, (_, n) => (n === 0 ? 0n : 1n << BigInt(n - 1)))

/** They cannot be blocked, handled or ignored. */
export const neverBlocked = bit(SIG.KILL) | bit(SIG.STOP)

const sets = {
  ignored: new Set<number>([SIG.CONT, SIG.CHLD, SIG.WINCH, SIG.URG]),
  stops: new Set<number>([SIG.STOP, SIG.TSTP, SIG.TTIN, SIG.TTOU]),
  dumps: new Set<number>([
    SIG.QUIT,
    SIG.ILL,
    SIG.TRAP,
    SIG.ABRT,
    SIG.FPE,
    SIG.SEGV,
    SIG.BUS,
    SIG.SYS,
    SIG.XCPU,
    SIG.XFSZ,
  ]),
} as const

/** The default action: nothing. */
export const isIgnoredByDefault = (signal: number): boolean => sets.ignored.has(signal)
/** The default action: the process stops. */
export const isStop = (signal: number): boolean => sets.stops.has(signal)
/** The default action: the process ends with a core dump. */
export const isDump = (signal: number): boolean => sets.dumps.has(signal)
export const isKernelOnly = (signal: number): boolean => signal === SIG.KILL || signal === SIG.STOP
