// state: what a container is, as the OCI runtime spec wants it said. runtime.md, "State".

import type { Host } from '../engine/host.ts'
import { ociVersion } from '../spec/defaults.ts'
import type { StateDocument } from './hooks.ts'
import { find, findAll, type OciContainer, type OciSettings, type OciStatus, statusOf } from './record.ts'

/** What `state` prints: OCI's fields, and those that runc adds. */
export interface PrintedState extends StateDocument {
  readonly rootfs: string
  /** RFC 3339. */
  readonly created: string
  readonly owner: string
}

export function documentOf(
  { record }: Pick<OciContainer, 'record'>,
  status: OciStatus,
  pid: number | undefined,
): StateDocument {
  const { annotations } = record.spec
  return {
    ociVersion,
    id: record.id,
    status,
    // "REQUIRED when status is created or running on Linux"; runc and crun say 0 otherwise.
    pid: status === 'stopped' || pid === undefined ? 0 : pid,
    bundle: record.bundle,
    ...(annotations && { annotations }),
  }
}

function printed({ kernel }: Pick<Host, 'kernel'>, container: OciContainer): PrintedState {
  const { record, state } = container
  return {
    ...documentOf(container, statusOf(kernel, container), state?.process.pid),
    rootfs: record.spec.root?.path ?? '',
    created: new Date(record.createdMs).toISOString(),
    owner: record.owner,
  }
}

/** @errors UserError when there is none */
export function state(host: Host, settings: OciSettings, id: string): PrintedState {
  return printed(host, find(host.kernel, settings, id))
}

/** All containers of a root, by id. */
export function list(host: Host, settings: OciSettings): PrintedState[] {
  return findAll(host.kernel, settings).map((container) => printed(host, container))
}
