// /proc/pressure: how long tasks have waited for processors, memory and disks. proc_pressure(5)

import { directory, text } from '../vfs/pseudo.ts'

const none = (word: string): string => `${word} avg10=0.00 avg60=0.00 avg300=0.00 total=0\n`
const both = text(none('some') + none('full'))

export const pressureFiles = directory({ io: both, memory: both, cpu: both })
