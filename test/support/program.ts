// Other programs in tests, waited for without holding up this process: it may be the server that they ask.

import { execFile } from 'node:child_process'

export interface ProgramOptions {
  readonly input?: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** What a program wrote to its standard output. @errors Error with what it wrote to its other one, when it fails */
export function outputOf(program: string, argv: readonly string[], options: ProgramOptions = {}): Promise<Buffer> {
  const { input = '', cwd, env = {} } = options
  return new Promise((resolve, reject) => {
    const settings = { cwd, env: { ...process.env, ...env }, encoding: 'buffer', maxBuffer: 2 ** 28 } as const
    const child = execFile(program, argv, settings, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${program} ${argv.join(' ')}: ${stderr.toString('utf8') || error.message}`))
    })
    child.stdin!.on('error', () => {}) // It may end without reading it.
    child.stdin!.end(input)
  })
}
