// How tasks end and who has sent a signal, as a scenario writes it.

import { signalName } from './constants.ts'
import { numberIn } from './number.ts'
import type { Ended } from './stage.ts'
import type { Value } from './value.ts'

/** The number of the process in a signal's information. */
export function senderOf(info: Value | undefined): number | undefined {
  const field = info?.kind === 'struct' ? info.fields.find(({ name }) => name === 'si_pid')?.value : undefined
  const number = field && numberIn(field)
  return number === undefined ? undefined : Number(number)
}

export function sameEnd(ended: Ended, code: number | undefined, signal: number | undefined): boolean {
  if (ended.code === undefined && ended.signal === undefined) return true
  return signal === undefined ? ended.code === code && !ended.signal : ended.signal === signal
}

export function endText({ code, signal }: Ended): string {
  if (signal) return `killed by ${signalName(signal)}`
  return code === undefined ? 'it has ended' : `exited with ${code}`
}

export function includes(data: Uint8Array, part: Uint8Array): boolean {
  for (let at = 0; at + part.length <= data.length; at++)
    if (part.every((byte, index) => data[at + index] === byte)) return true
  return false
}
