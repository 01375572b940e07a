// Debian's dash under the name sh, beside which ours is tested: many scripts at once, each in a directory of its own.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const dash = '/usr/bin/dash'
export const hasRealShell = existsSync(dash)

export interface Said {
  readonly output: string
  /** As a shell tells it: 128 and the number of a signal. */
  readonly code: number
}

/** No script may write much, or compute for long. */
const driver = `ulimit -f 20480
ulimit -t 10
for script in scripts/*; do
  number=\${script##*/}
  mkdir work/$number
  (cd work/$number && exec sh -c "$(cat ../../$script)" >../../said/$number 2>&1 </dev/null)
  echo $? >codes/$number
done 2>/dev/null`

/** What each of them writes, and how it ends. */
export function realShell(scripts: readonly string[]): Said[] {
  const place = mkdtempSync(join(tmpdir(), 'vitrine-shell-'))
  try {
    for (const name of ['bin', 'scripts', 'work', 'said', 'codes']) mkdirSync(join(place, name))
    symlinkSync(dash, join(place, 'bin/sh'))
    const names = scripts.map((_, at) => String(at).padStart(5, '0'))
    for (const [at, script] of scripts.entries()) writeFileSync(join(place, 'scripts', names[at]!), script)
    spawnSync(dash, ['-c', driver], { cwd: place, env: { PATH: `${join(place, 'bin')}:/bin` } })
    return names.map((name) => ({
      output: readFileSync(join(place, 'said', name), 'utf8').replaceAll(`${place}/work/${name}`, '/work'),
      code: Number(readFileSync(join(place, 'codes', name), 'utf8')),
    }))
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}
