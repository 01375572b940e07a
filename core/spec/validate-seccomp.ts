// The checks of linux.seccomp. OCI runtime spec, config-linux.md, "Seccomp".

import { filledText, filledTexts, integer, list, object, oneOf, optional, required, text } from './check.ts'

const actions = [
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_TRAP',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_LOG',
  'SCMP_ACT_NOTIFY',
]

const comparisons = ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'].map((name) => `SCMP_CMP_${name}`)

const flags = ['TSYNC', 'LOG', 'SPEC_ALLOW', 'WAIT_KILLABLE_RECV'].map((name) => `SECCOMP_FILTER_FLAG_${name}`)

const action = oneOf('seccomp action', actions)
const errnoRet = integer(0, 4095)
const argument = integer(0, 2 ** 64)

export const seccomp = object({
  defaultAction: required(action),
  defaultErrnoRet: optional(errnoRet),
  architectures: optional(list(filledText)),
  flags: optional(list(oneOf('seccomp flag', flags))),
  listenerPath: optional(text),
  listenerMetadata: optional(text),
  syscalls: optional(
    list(
      object({
        names: required(filledTexts),
        action: required(action),
        errnoRet: optional(errnoRet),
        args: optional(
          list(
            object({
              index: required(integer(0, 5)),
              value: required(argument),
              valueTwo: optional(argument),
              op: required(oneOf('seccomp comparison', comparisons)),
            }),
          ),
        ),
      }),
    ),
  ),
})
