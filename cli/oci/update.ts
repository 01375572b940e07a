// update: limits from a file or from flags. runc-update(8).

import { readFileSync } from 'node:fs'
import { UserError } from '../../core/errors.ts'
import { update as updateContainer } from '../../core/oci/update.ts'
import type { LinuxResources } from '../../core/spec/types.ts'
import { validateResources } from '../../core/spec/validate-resources.ts'
import { idOf } from './create.ts'
import { theHost } from './host.ts'
import type { OciVerb } from './main.ts'
import type { Flags } from './parse.ts'

function fromFile(path: string): LinuxResources {
  let text: string
  try {
    text = readFileSync(path === '-' ? 0 : path, 'utf8')
  } catch (error) {
    throw new UserError(`--resources=${path}: ${(error as NodeJS.ErrnoException).code}`)
  }
  try {
    return validateResources(JSON.parse(text), 'resources')
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError(`--resources=${path}: is no JSON: ${(error as Error).message}`)
  }
}

function fromFlags(flags: Flags): LinuxResources {
  const given = <T extends string>(names: Readonly<Record<T, string>>) => {
    const values = Object.entries<string>(names).flatMap(([key, name]) => {
      const value = flags.integer(name)
      return value === undefined ? [] : [[key, value] as const]
    })
    return values.length > 0 ? Object.fromEntries(values) : undefined
  }
  const memory = given({ limit: 'memory', swap: 'memory-swap', reservation: 'memory-reservation' })
  const numbers = given({
    quota: 'cpu-quota',
    period: 'cpu-period',
    burst: 'cpu-burst',
    shares: flags.value('cpu-shares') === undefined ? 'cpu-share' : 'cpu-shares',
    idle: 'cpu-idle',
    realtimePeriod: 'cpu-rt-period',
    realtimeRuntime: 'cpu-rt-runtime',
  })
  const [cpus, mems] = [flags.value('cpuset-cpus'), flags.value('cpuset-mems')]
  const cpu = { ...numbers, ...(cpus && { cpus }), ...(mems && { mems }) }
  const pids = given({ limit: 'pids-limit' })
  const blockIO = given({ weight: 'blkio-weight' })
  return {
    ...(memory && { memory }),
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
    ...(pids && { pids }),
    ...(blockIO && { blockIO }),
  }
}

export const update: OciVerb = async (flags, args, context) => {
  const file = flags.value('resources')
  const resources = file === undefined ? fromFlags(flags) : fromFile(file)
  const [l3CacheSchema, memBwSchema] = [flags.value('l3-cache-schema'), flags.value('mem-bw-schema')]
  const shares = { ...(l3CacheSchema && { l3CacheSchema }), ...(memBwSchema && { memBwSchema }) }
  await updateContainer(theHost(), context, idOf(args), resources, shares)
  return 0
}
