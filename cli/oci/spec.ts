// spec: a config.json to begin with. runc-spec(8).

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../../core/errors.ts'
import { exampleSpec } from '../../core/oci/example.ts'
import type { OciVerb } from './main.ts'

export const spec: OciVerb = (flags) => {
  const path = join(flags.value('bundle') ?? '.', 'config.json')
  const rootless = flags.has('rootless') ? { uid: process.geteuid!(), gid: process.getegid!() } : undefined
  try {
    writeFileSync(path, `${JSON.stringify(exampleSpec(rootless), undefined, '\t')}\n`, { flag: 'wx', mode: 0o666 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw new UserError(`${path} exists already: remove it first`)
    throw new UserError(`write ${path}: ${code}`)
  }
  return 0
}
