// What it means to a process that its code has trapped: the signal that a processor's exception becomes. signal(7)

const SIGILL = 4
const SIGFPE = 8
const SIGKILL = 9
const SIGSEGV = 11

/**
 * The signal that something ends with which was thrown through a guest; undefined when it came from elsewhere. Engines say in
 * words of their own what has trapped, and agree in few of them: whatever is not known is an access to memory that is not there.
 */
export function faultOf(error: unknown): number | undefined {
  if (error instanceof WebAssembly.RuntimeError) {
    if (/unreachable/i.test(error.message)) return SIGILL
    return /by zero|divide|division/i.test(error.message) ? SIGFPE : SIGSEGV
  }
  const { name, message } = error as Error
  // The engine's own stack; Firefox has a name of its own for that.
  if (name === 'InternalError' || (name === 'RangeError' && /stack/i.test(message))) return SIGSEGV
  // The engine has no memory for another instance.
  return name === 'RangeError' ? SIGKILL : undefined
}
