// Errors as runc's callers read them: on standard error, and in the file of --log in the format asked for.

import { appendFileSync } from 'node:fs'
import { UserError } from '../../core/errors.ts'

export interface LogSettings {
  readonly path?: string | undefined
  readonly json: boolean
}

/**
 * The file of `--log`: crun's `file:PATH`, or the path alone. crun(1)
 *
 * @errors UserError for a log that is no file
 */
export function logFile(destination: string | undefined): string | undefined {
  const [, kind, path] = /^(file|journald|syslog):(.*)$/s.exec(destination ?? '') ?? []
  if (kind === undefined) return destination
  if (kind === 'file') return path
  throw new UserError(`--log=${destination}: ${kind} is not supported; give a file`)
}

/** One line of a log: logrus's formats, which podman and containerd take apart. */
export function logLine(level: 'error' | 'warning', message: string, time: Date, json: boolean): string {
  const at = time.toISOString().replace(/\.\d+Z$/, 'Z')
  if (json) return `${JSON.stringify({ level, msg: message, time: at })}\n`
  return `time=${JSON.stringify(at)} level=${level} msg=${JSON.stringify(message)}\n`
}

export function logError(message: string, { path, json }: LogSettings): void {
  process.stderr.write(`vitrine-oci: ${message}\n`)
  if (path === undefined) return
  try {
    appendFileSync(path, logLine('error', message, new Date(), json))
  } catch (error) {
    process.stderr.write(`vitrine-oci: write the log ${path}: ${(error as NodeJS.ErrnoException).code}\n`)
  }
}
