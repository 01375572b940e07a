// A bundle: a directory with config.json and, usually, the root filesystem. OCI runtime spec, bundle.md.

import { RefusedError, UserError } from '../errors.ts'
import { readText, S_IFDIR, S_IFMT, stat } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import type { Mount, Process, Spec } from '../spec/types.ts'
import { validateProcess, validateSpec } from '../spec/validate.ts'

function parsed(kernel: Kernel, path: string, what: string): unknown {
  let text: string
  try {
    text = readText(kernel, path)
  } catch (error) {
    if (error instanceof RefusedError && error.errno === 'ENOENT') throw new UserError(`${what} ${path}: no such file`)
    throw error
  }
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new UserError(`${what} ${path}: is no JSON: ${(error as Error).message}`)
  }
}

/** @errors UserError naming the file, and the field that is wrong */
function named<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof RefusedError || !(error instanceof UserError)) throw error
    throw new UserError(`${path}: ${error.message}`)
  }
}

export interface Bundle {
  readonly path: string
  readonly spec: Spec
  /** Absolute. */
  readonly rootDirectory: string
}

/**
 * Reads config.json, with the root's path made absolute.
 *
 * @param path - absolute
 * @param name - of the file, from the bundle on
 * @errors UserError for a bundle that is none, naming what is wrong
 */
export function readBundle(kernel: Kernel, path: string, name = 'config.json'): Bundle {
  const config = name.startsWith('/') ? name : `${path}/${name}`
  const value = parsed(kernel, config, 'the bundle has no')
  const spec = named(config, () => validateSpec(value))
  const given = spec.root?.path
  if (given === undefined) throw new UserError(`${config}: root: a container needs a root filesystem`)
  const rootDirectory = given.startsWith('/') ? given : `${path}/${given}`
  const found = stat(kernel, rootDirectory)
  if (found === undefined) throw new UserError(`${config}: root.path: ${rootDirectory}: no such directory`)
  if ((found.mode & S_IFMT) !== S_IFDIR) throw new UserError(`${config}: root.path: ${rootDirectory}: is no directory`)
  const mounts = spec.mounts?.map((mount) => withAbsoluteSource(mount, path))
  return {
    path,
    spec: { ...spec, root: { ...spec.root, path: rootDirectory }, ...(mounts && { mounts }) },
    rootDirectory,
  }
}

/** What a bind mount shows of the host: by its path, or by its type for those that name no option. */
export function boundSource({ type, source, options }: Mount): string | undefined {
  return type === 'bind' || options?.some((word) => word === 'bind' || word === 'rbind') ? source : undefined
}

/** config.md, "Mounts": the source of a bind mount is absolute or relative to the bundle. */
function withAbsoluteSource(mount: Mount, bundle: string): Mount {
  const source = boundSource(mount)
  return source === undefined || source.startsWith('/') ? mount : { ...mount, source: `${bundle}/${source}` }
}

/** The `--process` file of exec: the `process` of a config.json. */
export function readProcess(kernel: Kernel, path: string): Process {
  const value = parsed(kernel, path, 'the process')
  return named(path, () => validateProcess(value))
}
