// What is done on a machine in every engine, to be compared: it runs in Node and in a page.

import type { boot as Boot, BootOptions, CommandOptions, Machine } from '../../../browser/vitrine.ts'

const script = `
seq 1 200 | sort -rn | sed -n '1,3p' | tr '\\n' ' '
for i in 1 2 3; do (sleep 0.$i; echo "child $i") & done; wait
trap 'echo caught' USR1; kill -USR1 $$
f() { echo "scale $1 $((3 * $1))"; }; x=$(f 7); echo "$x" | awk '{ print $2 * 1.5, $3 }'
(exit 3); echo "status $?"
printf '%s\\n' b a c > /tmp/list; sort /tmp/list | sha256sum
head -c 4 /dev/urandom | od -An -tx1
`
/** Keys at a prompt, at their virtual times after the command has begun. */
const keys = ['echo typ', 'ed\\x7fd here\\r', 'cat\\r', 'line\\r', '\\x04', 'exit 5\\r']

export interface Told {
  readonly output: readonly string[]
  readonly traceHash: string
  readonly stateDigest: string
  readonly calls: number
}

async function command(machine: Machine, words: readonly string[], options: CommandOptions = {}): Promise<string> {
  const decoder = new TextDecoder()
  let output = ''
  const write = (_fd: number, bytes: Uint8Array) => {
    output += decoder.decode(bytes, { stream: true })
  }
  const code = await machine.begin(words, { ...options, write }).exitCode
  return `${words.slice(0, 2).join(' ')}: ${code}: ${output}`
}

/** Pipelines, forks, signals, a container that its limit kills, a server, a terminal. */
export async function sameEverywhere(boot: typeof Boot, options: BootOptions): Promise<Told> {
  const machine = await boot(options)
  const output: string[] = []
  const run = async (words: readonly string[], more?: CommandOptions) =>
    void output.push(await command(machine, words, more))
  await run(['run', '--name', 'one', '--memory=64m', '--cpus=0.5', '--pids-limit=20', 'busybox', 'sh', '-c', script])
  await run(['run', '--name', 'hog', '--memory=4m', 'busybox', 'sh', '-c', 'x=1; while true; do x=$x$x; done'])
  await run(['run', '--pids-limit=9', 'busybox', 'sh', '-c', 'f() { f & f; }; f'])
  await run(['run', '-d', '--name', 'web', 'httpd'])
  await run(['exec', 'web', 'curl', '-s', 'http://127.0.0.1/'])
  await run(['ps', '-a', '--format', '{{.Names}} {{.State}} {{.ID}}'])
  const typed = keys.map((text, at) => ({
    kind: 'typed' as const,
    atNs: machine.nowNs + (at + 1) * 1e9,
    base64: btoa(JSON.parse(`"${text.replace('\\x', '\\u00')}"`)),
  }))
  await run(['run', '-it', '--rm', 'busybox', 'sh'], { replay: typed })
  await run(['inspect', '--format', '{{.State.OOMKilled}}', 'hog'])
  const { traceHash, stateDigest, calls } = machine
  return { output, traceHash, stateDigest, calls }
}

/** So many processes at once, and how many instances of the engine were ever made for them. */
export async function manyProcesses(boot: typeof Boot, options: BootOptions, count: number) {
  const before = WebAssembly.Instance
  let instances = 0
  WebAssembly.Instance = class extends before {
    constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
      super(module, imports)
      instances += 1
    }
  }
  try {
    const machine = await boot(options)
    const loop = `i=0; while [ $i -lt ${count} ]; do sleep 100 & i=$((i+1)); done; exec sleep 1000`
    await machine.begin(['run', '-d', '--pids-limit=0', 'busybox', 'sh', '-c', loop]).exitCode
    // Time passes while commands run: until all are there.
    for (let tries = 0; machine.processes < count && tries < 100; tries++) await machine.begin(['ps']).exitCode
    const { processes } = machine
    const top = await command(machine, ['ps', '--format', '{{.State}}'])
    return { processes, instances, top }
  } finally {
    WebAssembly.Instance = before
  }
}

/** A machine with somebody at its terminal, and another that is told what that one was told. */
export async function replayed(boot: typeof Boot, options: BootOptions) {
  const told = ({ traceHash, stateDigest, calls }: Machine) => ({ traceHash, stateDigest, calls })
  const live = await boot(options)
  const decoder = new TextDecoder()
  let shown = ''
  const command = live.begin(['run', '-it', '--rm', 'busybox', 'sh'], {
    write: (_fd, bytes) => {
      shown += decoder.decode(bytes)
      // He types on when he sees the prompt.
      if (shown.endsWith('# ')) command.type(shown.includes('six') ? 'exit 3\r' : 'echo $((2*3)) | sed s/6/six/\r')
    },
  })
  command.resize(100, 30)
  const code = await command.exitCode
  const again = await boot({ ...options, commands: live.commands })
  return { code, live: told(live), again: told(again) }
}
