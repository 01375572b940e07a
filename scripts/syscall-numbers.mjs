// Regenerates core/launch/seccomp/numbers-*.ts from the kernel's exported headers. Needs gcc and the Debian packages
// linux-libc-dev, linux-libc-dev-arm64-cross and linux-libc-dev-armhf-cross (the last may be unpacked anywhere:
// `ARM_INCLUDE=DIR node scripts/syscall-numbers.mjs`).
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const armInclude = process.env.ARM_INCLUDE ?? '/usr/arm-linux-gnueabihf/include'
const x86Include = '/usr/include/x86_64-linux-gnu'

// Calls younger than Debian 12's headers (6.1). From 424 on every architecture gives a new call the same number.
const sinceLinux6_1 =
  'cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat removexattrat open_tree_attr file_getattr file_setattr'.split(
    ' ',
  )
const firstSinceLinux6_1 = 451

/** Every `__NR_name` of a header as name -> number, in the header's own arithmetic. */
function numbersOf(header, ...options) {
  const text = execFileSync('gcc', ['-E', '-dM', '-nostdinc', ...options, '-x', 'c', '-'], {
    input: `#include <${header}>\n`,
    encoding: 'utf8',
  })
  const macros = new Map(text.matchAll(/^#define (\w+) (.+)$/gm).map((match) => [match[1], match[2]]))
  const value = (expression) => {
    const term = (word) => (/^(0x)?[0-9a-f]+$/i.test(word) ? Number(word) : value(macros.get(word)))
    return expression
      .replace(/[()]/g, '')
      .split('+')
      .map((word) => term(word.trim()))
      .reduce((a, b) => a + b)
  }
  const numbers = new Map()
  for (const [macro, expression] of macros) {
    const name = /^__(?:ARM_)?NR_(\w+)$/.exec(macro)?.[1]
    if (name && !/^(BASE|SYSCALL_BASE|OABI_SYSCALL_BASE|SYSCALL_MASK|syscalls|arch_specific_syscall)$/.test(name))
      numbers.set(name, value(expression))
  }
  return numbers
}

function withNewest(numbers) {
  for (const [index, name] of sinceLinux6_1.entries()) numbers.set(name, firstSinceLinux6_1 + index)
  return numbers
}

/** Names in the order of their numbers; a number stands where the count does not go on by one. */
function compact(entries) {
  const words = []
  let expected = 0
  for (const [name, number] of [...entries].sort((a, b) => a[1] - b[1])) {
    if (number !== expected) words.push(String(number))
    words.push(name)
    expected = number + 1
  }
  return words
}

function wrapped(words) {
  const lines = ['']
  for (const word of words) {
    if (lines.at(-1).length + 1 + word.length > 118) lines.push('')
    lines[lines.length - 1] += lines.at(-1) === '' ? word : ` ${word}`
  }
  return lines.join('\n')
}

function write(file, about, lists) {
  const body = lists.map(([name, doc, words]) => `/** ${doc} */\nexport const ${name} = \`\n${wrapped(words)}\n\`\n`)
  writeFileSync(
    new URL(`../core/launch/seccomp/${file}`, import.meta.url),
    `// ${about} Made by scripts/syscall-numbers.mjs.\n\n${body.join('\n')}`,
  )
}

const form = 'Names in the order of their numbers; a number says where the next name stands.'
const x86_64 = withNewest(numbersOf('asm/unistd_64.h', `-I${x86Include}`))
x86_64.set('uretprobe', 335).set('uprobe', 336)
write('numbers-x86-64.ts', 'System call numbers of x86_64.', [['x86_64', form, compact(x86_64)]])

const x86 = withNewest(numbersOf('asm/unistd_32.h', `-I${x86Include}`))
write('numbers-x86.ts', 'System call numbers of 32-bit x86 (i386).', [['x86', form, compact(x86)]])

const x32 = numbersOf('asm/unistd_x32.h', `-I${x86Include}`, '-D__X32_SYSCALL_BIT=0')
for (const [index, name] of sinceLinux6_1.entries()) x32.set(name, firstSinceLinux6_1 + index)
write('numbers-x32.ts', 'What x32 numbers differently from x86_64.', [
  ['x32', `${form} Without the bit 0x40000000.`, compact([...x32].filter(([name, n]) => x86_64.get(name) !== n))],
  ['notOfX32', 'Calls of x86_64 that x32 does not have.', [...x86_64.keys()].filter((name) => !x32.has(name)).sort()],
])

const arm64 = withNewest(numbersOf('asm/unistd.h', '-I/usr/aarch64-linux-gnu/include', '-D__aarch64__', '-D__LP64__'))
write('numbers-arm64.ts', 'System call numbers of aarch64.', [['arm64', form, compact(arm64)]])

const arm = withNewest(numbersOf('asm/unistd.h', `-I${armInclude}`, '-D__ARM_EABI__'))
write('numbers-arm.ts', 'System call numbers of 32-bit ARM (EABI).', [['arm', form, compact(arm)]])
