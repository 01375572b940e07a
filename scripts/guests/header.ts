// The contract of guests as a C header: each system call as a function that answers a number, or an errno below zero.

import { type GuestCall, guestCalls, packageName, packageVersion, witName } from '../../backends/sim/wasm/contract.ts'
import { words } from '../../backends/sim/wasm/words.ts'
import type { Kind } from '../../core/syscall.ts'

/** How an argument of each kind is declared, passed on as flat values, and where an answer goes (pointer, bytes). */
interface InC {
  readonly declare: (name: string) => string
  readonly pass: (name: string) => string
  readonly into?: (name: string) => readonly [string, string]
}

const bytes = (pointer: string): InC => ({
  declare: (name) => `${pointer}${name}, unsigned long ${name}_bytes`,
  pass: (name) => `${name}, ${name}_bytes`,
})
const answered = (pass: (name: string) => string): InC => ({
  declare: (name) => `void *${name}, unsigned long ${name}_bytes`,
  pass,
  into: (name) => [name, `${name}_bytes`],
})
const text: InC = {
  declare: (name) => `const char *${name}`,
  pass: (name) => `${name} != 0, ${name}, ${name} ? guest_length(${name}) : 0`,
}
const struct = (type: string, fields: readonly string[], optional = false): InC => ({
  declare: (name) => `const struct ${type} *${name}`,
  pass: (name) =>
    optional
      ? `${name} != 0, ${fields.map((field) => `${name} ? ${name}->${field} : 0`).join(', ')}`
      : fields.map((field) => `${name}->${field}`).join(', '),
})

const inC: { readonly [K in Kind]?: InC } = {
  fd: { declare: (name) => `int ${name}`, pass: (name) => name },
  int: { declare: (name) => `long long ${name}`, pass: (name) => name },
  path: text,
  text,
  strings: {
    declare: (name) => `const struct guest_text *${name}, unsigned long ${name}_count`,
    pass: (name) => `${name}, ${name}_count`,
  },
  bytes: bytes('const void *'),
  in: bytes('const void *'),
  sock_fprog: bytes('const void *'),
  inout: answered((name) => `${name}, ${name}_bytes`),
  optional: answered((name) => `${name} != 0, ${name}, ${name}_bytes`),
  iovec_in: {
    declare: (name) => `const struct guest_text *${name}, unsigned long ${name}_count`,
    pass: (name) => `${name}, ${name}_count`,
  },
  iovec_out: answered((name) => `${name}_bytes`),
  out: answered((name) => `${name}_bytes`),
  outonly: answered((name) => `${name}_bytes`),
  ids: { declare: (name) => `void *${name}`, pass: () => '', into: (name) => [name, '12'] },
  open_how: struct('guest_open_how', ['flags', 'mode', 'resolve']),
  mount_attr: struct('guest_mount_attr', ['attr_set', 'attr_clr', 'propagation', 'userns_fd']),
  clone_args: struct('guest_clone_args', ['flags', 'exit_signal', 'cgroup', 'set_tid', 'set_tid_count']),
  capsets: struct('guest_capability_sets', ['effective', 'permitted', 'inheritable']),
  sigset: { declare: (name) => `unsigned long long ${name}`, pass: (name) => name },
  sigaction: struct('guest_sigaction', ['handler', 'flags', 'mask'], true),
  rlimit: struct('guest_rlimit', ['soft', 'hard'], true),
  gids: {
    declare: (name) => `const unsigned *${name}, unsigned long ${name}_count`,
    pass: (name) => `${name}, ${name}_count`,
  },
  pollfds: {
    declare: (name) => `void *${name}, unsigned long ${name}_count`,
    pass: (name) => `${name}, ${name}_count`,
    into: (name) => [name, `${name}_count * 8`],
  },
  timespec: { declare: (name) => `const long long *${name}`, pass: (name) => `${name} != 0, ${name} ? *${name} : 0` },
}

const prologue = `// The system calls of a guest. Made from the contract: do not edit.
#ifndef GUEST_CALLS_H
#define GUEST_CALLS_H

struct guest_text { const char *start; unsigned long bytes; };
struct guest_open_how { unsigned long long flags, mode, resolve; };
struct guest_mount_attr { unsigned long long attr_set, attr_clr, propagation; int userns_fd; };
struct guest_clone_args { unsigned long long flags; unsigned exit_signal; int cgroup; const int *set_tid; unsigned long set_tid_count; };
struct guest_capability_sets { unsigned long long effective, permitted, inheritable; };
struct guest_sigaction { unsigned handler, flags; unsigned long long mask; };
struct guest_rlimit { unsigned long long soft, hard; };

// What a call answers; the bytes of an answer are written where guest_into points, when they fit.
struct guest_result { unsigned char refused; long long value; void *start; unsigned long bytes; };
extern void *guest_into;
extern unsigned long guest_into_bytes;
unsigned long guest_length(const char *text);

static inline long long guest_answer(const struct guest_result *result) {
  return result->refused ? -(long long)(unsigned short)result->value : result->value;
}

__attribute__((import_module("${packageName}/program@${packageVersion}"), import_name("argv"))) void guest_argv(struct guest_text *);
__attribute__((import_module("${packageName}/program@${packageVersion}"), import_name("envp"))) void guest_envp(struct guest_text *);
`

/** The whole header, as text. */
export function headerText(): string {
  return `${prologue}\n${guestCalls.map(callText).join('\n')}\n#endif\n`
}

function callText({ name, interface: interfaceName, parameters }: GuestCall): string {
  const typed = parameters.map(([parameter, kind]) => [cName(parameter), inC[kind]!, words[kind]!] as const)
  const flats = typed.flatMap(([, , { flat }]) => flat)
  const declared = typed.map(([parameter, word]) => word.declare(parameter)).join(', ') || 'void'
  const passed = [...typed.map(([parameter, word]) => word.pass(parameter)).filter((part) => part !== ''), '&result']
  const into = typed.flatMap(([parameter, word]) => (word.into ? [word.into(parameter)] : [])).at(0)
  return (
    [
      `__attribute__((import_module("${packageName}/${interfaceName}@${packageVersion}"), import_name("${witName(name)}")))`,
      `void guest_call_${name}(${[...prototype(typed), 'struct guest_result *'].join(', ')});`,
      `static inline long long sys_${name}(${declared}) {`,
      '  struct guest_result result;',
      ...(into ? [`  guest_into = ${into[0]};`, `  guest_into_bytes = ${into[1]};`] : []),
      `  guest_call_${name}(${passed.join(', ')});`,
      ...(into ? ['  guest_into = 0;'] : []),
      '  return guest_answer(&result);',
      '}',
      '',
    ].join('\n') + (flats.length > 16 ? '#error more flat values than the canonical ABI passes\n' : '')
  )
}

/** Flat values, typed so that C passes pointers as they are. */
function prototype(typed: readonly (readonly [string, InC, { flat: readonly string[]; wit: string }])[]): string[] {
  return typed.flatMap(([, , { flat, wit }]) => {
    const optional = wit.startsWith('option')
    const inner = optional ? wit.slice(7, -1) : wit
    const pointed = inner === 'string' || inner.startsWith('list')
    return flat.map((type, index) => {
      if (type === 'i64') return 'long long'
      if (pointed && index === (optional ? 1 : 0)) return 'const void *'
      return wit === 'clone-args' && index === 3 ? 'const void *' : 'int'
    })
  })
}

/** Words that C keeps for itself. */
const cName = (name: string) => (['signed', 'new'].includes(name) ? `${name}_` : name)
