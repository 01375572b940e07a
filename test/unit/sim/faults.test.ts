// The failure test: every call of every verb is refused once, with every errno that Linux can answer there; what it says and
// what it leaves is looked at. A sample of the cases, drawn by the run's seed; `VITRINE_FAULTS=all` plays them all (half an
// hour), `VITRINE_FAULT='VERB:CALL:ERRNO'` one.

import { describe, expect, it } from 'vitest'
import type { Errno } from '../../../core/errno.ts'
import type { Fault } from '../../support/failing-kernel.ts'
import { type Course, faultsOf, play, tell } from '../../support/fault-case.ts'
import { faultVerbs } from '../../support/fault-verbs.ts'
import { randomFrom, seed } from '../../support/faults.ts'

const all = process.env.VITRINE_FAULTS === 'all'
const [oneVerb, oneCall, oneErrno] = process.env.VITRINE_FAULT?.split(':') ?? []
/** So many refusals of each verb, and as many crashes. */
const sampleCount = 8
/** Played one after the other. */
const allMs = 3_600_000

/** Some of a list, by the run's seed. */
function sampled<T>(list: readonly T[], count: number, salt: number): T[] {
  const random = randomFrom(seed + salt)
  const left = [...list]
  return Array.from(
    { length: Math.min(count, left.length) },
    () => left.splice(Math.floor(random() * left.length), 1)[0]!,
  )
}

const crashesOf = ({ calls }: Course): Fault[] => calls.map((_, at) => ({ at, crash: true }))

function chosen(faults: readonly Fault[], salt: number): readonly Fault[] {
  if (oneCall !== undefined) return faults.filter((fault) => String(fault.at) === oneCall && isOne(fault))
  return all ? faults : sampled(faults, sampleCount, salt)
}

const isOne = (fault: Fault) => ('crash' in fault ? 'crash' : fault.errno) === (oneErrno as Errno | 'crash')

for (const [salt, verb] of faultVerbs.entries()) {
  if (oneVerb !== undefined && oneVerb !== verb.name) continue
  describe(verb.name, () => {
    const complaintsAbout = async (faultsFrom: (usual: Course) => readonly Fault[]) => {
      const usual = await play(verb)
      expect({ error: usual.error, complaints: usual.complaints }).toEqual({ error: undefined, complaints: [] })
      const told: string[] = []
      for (const fault of chosen(faultsFrom(usual), salt)) {
        const course = await play(verb, fault, usual)
        if (course.complaints.length > 0) told.push(tell(verb, fault, course))
      }
      return told.join('\n')
    }

    it('says in a sentence which call was refused, and leaves nothing of what it began', {
      timeout: allMs,
    }, async () => {
      expect(await complaintsAbout(faultsOf)).toBe('')
    })

    it('that is killed after a call leaves what the next command brings in order', { timeout: allMs }, async () => {
      expect(await complaintsAbout(crashesOf)).toBe('')
    })
  })
}
