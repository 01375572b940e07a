// The checks of linux.resources. OCI runtime spec, config-linux.md, "Control groups".

import {
  type Check,
  filledText,
  flag,
  integer,
  list,
  object,
  oneOf,
  optional,
  record,
  required,
  text,
  wrong,
} from './check.ts'
import type { LinuxResources } from './types.ts'

const signed64 = integer(-(2 ** 63), 2 ** 63)
const unsigned64 = integer(0, 2 ** 64)
/** -1 is unlimited. */
const limitBytes = integer(-1, 2 ** 63)
const deviceNumber = integer(0, 2 ** 32 - 1)
const weight = integer(0, 1000)

const access: Check = (value, path) => {
  text(value, path)
  if (!/^[rwm]*$/.test(value as string)) wrong(path, `must be made of the letters r, w and m, not "${value}"`)
}

const throttles = list(
  object({ major: required(deviceNumber), minor: required(deviceNumber), rate: required(unsigned64) }),
)

const fileContent: Check = (value, path) => {
  text(value, path)
  const name = path.slice('linux.resources.unified.'.length)
  if (name.includes('/')) wrong(path, 'must be the name of a file of the cgroup, without a slash')
}

export const resources = object({
  devices: optional(
    list(
      object({
        allow: required(flag),
        type: optional(oneOf('device type', ['a', 'c', 'b', ''])),
        major: optional(integer(-1, 2 ** 32 - 1)),
        minor: optional(integer(-1, 2 ** 32 - 1)),
        access: optional(access),
      }),
    ),
  ),
  memory: optional(
    object({
      limit: optional(limitBytes),
      reservation: optional(limitBytes),
      swap: optional(limitBytes),
      kernel: optional(limitBytes),
      kernelTCP: optional(limitBytes),
      swappiness: optional(integer(0, 200)),
      disableOOMKiller: optional(flag),
      useHierarchy: optional(flag),
      checkBeforeUpdate: optional(flag),
    }),
  ),
  cpu: optional(
    object({
      shares: optional(unsigned64),
      quota: optional(signed64),
      burst: optional(unsigned64),
      period: optional(unsigned64),
      realtimeRuntime: optional(signed64),
      realtimePeriod: optional(unsigned64),
      cpus: optional(text),
      mems: optional(text),
      idle: optional(integer(0, 1)),
    }),
  ),
  pids: optional(object({ limit: optional(signed64) })),
  blockIO: optional(
    object({
      weight: optional(weight),
      leafWeight: optional(weight),
      weightDevice: optional(
        list(
          object({
            major: required(deviceNumber),
            minor: required(deviceNumber),
            weight: optional(weight),
            leafWeight: optional(weight),
          }),
        ),
      ),
      throttleReadBpsDevice: optional(throttles),
      throttleWriteBpsDevice: optional(throttles),
      throttleReadIOPSDevice: optional(throttles),
      throttleWriteIOPSDevice: optional(throttles),
    }),
  ),
  hugepageLimits: optional(list(object({ pageSize: required(filledText), limit: required(unsigned64) }))),
  network: optional(
    object({
      classID: optional(deviceNumber),
      priorities: optional(list(object({ name: required(filledText), priority: required(deviceNumber) }))),
    }),
  ),
  rdma: optional(record(object({ hcaHandles: optional(deviceNumber), hcaObjects: optional(deviceNumber) }))),
  unified: optional(record(fileContent)),
})

/** Reads the value of `linux.resources` alone, as `update --resources` takes it. @errors UserError naming the field */
export function validateResources(value: unknown, path: string): LinuxResources {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) wrong(path, 'must be an object')
  resources(value, path)
  return value as LinuxResources
}
