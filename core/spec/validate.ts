// Reads a config.json's value as a Spec: checks types and rules, and names the path of what is wrong. OCI spec, config.md.

import {
  absolutePath,
  all,
  type Check,
  filledText,
  filledTexts,
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
import { capabilityNames, namespaceTypes, rlimitNames } from './names.ts'
import type { LinuxNamespaceType, Process, Spec } from './types.ts'
import { resources } from './validate-resources.ts'
import { seccomp } from './validate-seccomp.ts'

const id = integer(0, 2 ** 32 - 1)
const texts = list(text)

const version: Check = (value, path) => {
  filledText(value, path)
  if (!/^\d+\.\d+\.\d+/.test(value as string)) wrong(path, `must be a version such as 1.2.0, not "${value}"`)
  if (!/^1\./.test(value as string)) wrong(path, `${value} is not supported`)
}

const capabilities = list(oneOf('capability', capabilityNames))

/** 2^64 is what JSON.parse makes of RLIM_INFINITY. */
const limit = integer(0, 2 ** 64)

const rlimit = all(
  object({
    type: required(oneOf('resource limit', rlimitNames)),
    soft: required(limit),
    hard: required(limit),
  }),
  (value, path) => {
    const { soft, hard } = value as { soft: number; hard: number }
    if (soft > hard) wrong(`${path}.soft`, `must not be above the hard limit ${hard}, not ${soft}`)
  },
)

const distinct =
  (key: string, noun: string): Check =>
  (value, path) => {
    const seen = new Set<unknown>()
    const items = value as readonly Readonly<Record<string, unknown>>[]
    for (let index = 0; index < items.length; index++) {
      const item = items[index]?.[key]
      if (seen.has(item)) wrong(`${path}[${index}].${key}`, `duplicate ${noun} "${item}"`)
      seen.add(item)
    }
  }

const schedulerPolicies = ['SCHED_OTHER', 'SCHED_FIFO', 'SCHED_RR', 'SCHED_BATCH', 'SCHED_ISO', 'SCHED_IDLE']

const process = object({
  terminal: optional(flag),
  consoleSize: optional(object({ height: required(integer(0, 65535)), width: required(integer(0, 65535)) })),
  user: required(
    object({
      uid: required(id),
      gid: required(id),
      umask: optional(integer(0, 0o777)),
      additionalGids: optional(list(id)),
    }),
  ),
  args: required(filledTexts),
  env: optional(texts),
  cwd: required(absolutePath),
  capabilities: optional(
    object({
      bounding: optional(capabilities),
      effective: optional(capabilities),
      inheritable: optional(capabilities),
      permitted: optional(capabilities),
      ambient: optional(capabilities),
    }),
  ),
  rlimits: optional(all(list(rlimit), distinct('type', 'resource limit'))),
  noNewPrivileges: optional(flag),
  apparmorProfile: optional(text),
  oomScoreAdj: optional(integer(-1000, 1000)),
  scheduler: optional(
    object({
      policy: required(oneOf('scheduling policy', [...schedulerPolicies, 'SCHED_DEADLINE'])),
      nice: optional(integer(-20, 19)),
      priority: optional(integer(0, 99)),
      flags: optional(texts),
      runtime: optional(integer(0, 2 ** 64)),
      deadline: optional(integer(0, 2 ** 64)),
      period: optional(integer(0, 2 ** 64)),
    }),
  ),
  selinuxLabel: optional(text),
  ioPriority: optional(
    object({
      class: required(oneOf('io priority class', ['IOPRIO_CLASS_RT', 'IOPRIO_CLASS_BE', 'IOPRIO_CLASS_IDLE'])),
      priority: optional(integer(0, 7)),
    }),
  ),
  execCPUAffinity: optional(object({ initial: optional(text), final: optional(text) })),
})

const idMappings = list(object({ containerID: required(id), hostID: required(id), size: required(id) }))

const mount = object({
  // "relative paths are deprecated", but they may come, and are relative to "/".
  destination: required(filledText),
  type: optional(text),
  source: optional(text),
  options: optional(texts),
  uidMappings: optional(idMappings),
  gidMappings: optional(idMappings),
})

const hooks = list(
  object({
    path: required(absolutePath),
    args: optional(texts),
    env: optional(texts),
    timeout: optional(integer(1, 2 ** 31 - 1)),
  }),
)

const device = all(
  object({
    path: required(absolutePath),
    type: required(oneOf('device type', ['c', 'u', 'b', 'p'])),
    major: optional(integer(0, 2 ** 32 - 1)),
    minor: optional(integer(0, 2 ** 32 - 1)),
    fileMode: optional(integer(0, 0o177777)),
    uid: optional(id),
    gid: optional(id),
  }),
  (value, path) => {
    const { type, major, minor } = value as { type: string; major?: number; minor?: number }
    if (type !== 'p' && major === undefined) wrong(`${path}.major`, 'is missing')
    if (type !== 'p' && minor === undefined) wrong(`${path}.minor`, 'is missing')
  },
)

const propagations = ['shared', 'slave', 'private', 'unbindable', 'rshared', 'rslave', 'rprivate', 'runbindable', '']

const linux = object({
  devices: optional(list(device)),
  netDevices: optional(record(object({ name: optional(text) }))),
  uidMappings: optional(idMappings),
  gidMappings: optional(idMappings),
  sysctl: optional(record(text)),
  cgroupsPath: optional(text),
  resources: optional(resources),
  rootfsPropagation: optional(oneOf('propagation', propagations)),
  seccomp: optional(seccomp),
  namespaces: optional(
    all(
      list(object({ type: required(oneOf('namespace', namespaceTypes)), path: optional(absolutePath) })),
      distinct('type', 'namespace'),
    ),
  ),
  maskedPaths: optional(list(absolutePath)),
  readonlyPaths: optional(list(absolutePath)),
  mountLabel: optional(text),
  intelRdt: optional(
    object({
      closID: optional(text),
      schemata: optional(texts),
      l3CacheSchema: optional(text),
      memBwSchema: optional(text),
      enableCMT: optional(flag),
      enableMBM: optional(flag),
      enableMonitoring: optional(flag),
    }),
  ),
  memoryPolicy: optional(object({ mode: required(text), nodes: optional(text), flags: optional(texts) })),
  personality: optional(
    object({ domain: required(oneOf('personality', ['LINUX', 'LINUX32'])), flags: optional(texts) }),
  ),
  timeOffsets: optional(
    record(
      object({ secs: optional(integer(-(2 ** 63), 2 ** 63)), nanosecs: optional(integer(-999_999_999, 999_999_999)) }),
    ),
  ),
})

const spec = object({
  ociVersion: required(version),
  process: optional(process),
  root: optional(object({ path: required(filledText), readonly: optional(flag) })),
  hostname: optional(text),
  domainname: optional(text),
  mounts: optional(list(mount)),
  hooks: optional(
    object({
      prestart: optional(hooks),
      createRuntime: optional(hooks),
      createContainer: optional(hooks),
      startContainer: optional(hooks),
      poststart: optional(hooks),
      poststop: optional(hooks),
    }),
  ),
  annotations: optional(record(text)),
  linux: optional(linux),
})

/** What the kernel could not do without a namespace of the container's own: it would change the host. */
function namespacesFit(value: Spec): void {
  const has = (type: LinuxNamespaceType) => value.linux?.namespaces?.some((each) => each.type === type) === true
  const needs = (path: string, type: LinuxNamespaceType) =>
    has(type) ? undefined : wrong(path, `needs a ${type} namespace in linux.namespaces`)
  if (value.hostname) needs('hostname', 'uts')
  if (value.domainname) needs('domainname', 'uts')
  if (value.linux?.uidMappings?.length) needs('linux.uidMappings', 'user')
  if (value.linux?.gidMappings?.length) needs('linux.gidMappings', 'user')
  if (Object.keys(value.linux?.timeOffsets ?? {}).length > 0) needs('linux.timeOffsets', 'time')
  for (const clock of Object.keys(value.linux?.timeOffsets ?? {}))
    if (clock !== 'monotonic' && clock !== 'boottime') wrong(`linux.timeOffsets.${clock}`, 'unknown clock')
}

/**
 * Reads the value of a config.json. What it returns is the very value it was given: fields it does not know are kept, as
 * the OCI runtime spec asks (config.md, "Extensibility").
 *
 * @errors UserError naming the path: `process.args: must not be empty`
 */
export function validateSpec(value: unknown): Spec {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) wrong('config.json', 'must be an object')
  spec(value, '')
  namespacesFit(value as Spec)
  return value as Spec
}

/** Reads the value of a `process` alone, as `exec --process` takes it. @errors UserError as `validateSpec` */
export function validateProcess(value: unknown): Process {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) wrong('process', 'must be an object')
  process(value, 'process')
  return value as Process
}
