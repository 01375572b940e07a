// Where a container's state is: the directory layout below root.

import type { Settings } from '../engine/host.ts'

export interface ContainerPaths {
  readonly directory: string
  /** The facts that never change. */
  readonly record: string
  /** The OCI spec of its last start. */
  readonly config: string
  readonly state: string
  /** Written by the monitor at the end. */
  readonly exit: string
  readonly log: string
  readonly upper: string
  readonly work: string
  /** Empty: where the child mounts the overlay, in its own mount namespace. */
  readonly merged: string
  readonly hosts: string
  readonly resolvConf: string
  readonly hostname: string
  /** Volumes without a name, by number. */
  readonly volumes: string
  /** A symbolic link that names the ids of the host that it has; absent without a user namespace of root's. */
  readonly ids: string
}

export const containersDirectory = (settings: Pick<Settings, 'root'>): string => `${settings.root}/containers`
export const namesDirectory = (settings: Pick<Settings, 'root'>): string => `${settings.root}/names`
/** Named volumes, shared by containers. */
export const volumesDirectory = (settings: Pick<Settings, 'root'>): string => `${settings.root}/volumes`

export function containerPaths(settings: Pick<Settings, 'root'>, id: string): ContainerPaths {
  const directory = `${containersDirectory(settings)}/${id}`
  return {
    directory,
    record: `${directory}/container.json`,
    config: `${directory}/config.json`,
    state: `${directory}/state.json`,
    exit: `${directory}/exit`,
    log: `${directory}/ctr.log`,
    upper: `${directory}/upper`,
    work: `${directory}/work`,
    merged: `${directory}/merged`,
    hosts: `${directory}/hosts`,
    resolvConf: `${directory}/resolv.conf`,
    hostname: `${directory}/hostname`,
    volumes: `${directory}/volumes`,
    ids: `${directory}/ids`,
  }
}
