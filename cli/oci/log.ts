// Errors as runc's callers read them: on standard error, and in the file of --log in the format asked for.

import { appendFileSync } from 'node:fs'

export interface LogSettings {
  readonly path?: string | undefined
  readonly json: boolean
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
