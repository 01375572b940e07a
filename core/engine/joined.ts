// Namespaces of other containers that a request joins: `container:NAME` becomes /proc/PID/ns/… of the one that runs now.

import { UserError } from '../errors.ts'
import type { ContainerRequest, IpcMode, NetworkMode, UserMode } from '../spec/request.ts'
import type { LinuxNamespaceType } from '../spec/types.ts'
import { phaseOf, type Stored } from '../store/record.ts'
import type { Host, Settings } from './host.ts'
import { lookUp } from './open.ts'

export interface Joined {
  readonly paths: Partial<Record<LinuxNamespaceType, string>>
  /** /dev/shm of the container whose ipc namespace is joined. */
  readonly shmPath?: string
  /** The container whose network is shared, for its hosts and resolv.conf. */
  readonly network?: Stored
}

/** The names of namespace files in /proc/PID/ns. namespaces(7). */
export const namespaceFiles: Readonly<Record<LinuxNamespaceType, string>> = {
  pid: 'pid',
  network: 'net',
  mount: 'mnt',
  ipc: 'ipc',
  uts: 'uts',
  user: 'user',
  cgroup: 'cgroup',
  time: 'time',
}

/** @errors UserError for a container that is not there or does not run */
export async function joinedNamespaces(host: Host, settings: Settings, request: ContainerRequest): Promise<Joined> {
  const modes: readonly (readonly [LinuxNamespaceType, UserMode | NetworkMode | IpcMode | undefined])[] = [
    ['pid', request.pid],
    ['ipc', request.ipc],
    ['uts', request.uts],
    ['network', request.network],
    ['cgroup', request.cgroupns],
    ['user', request.userns],
  ]
  const paths: Partial<Record<LinuxNamespaceType, string>> = {}
  let shmPath: string | undefined
  let network: Stored | undefined
  for (const [type, mode] of modes) {
    if (mode?.kind !== 'container') continue
    const other = await lookUp(host, settings, mode.container)
    const phase = phaseOf(other.state)
    if ((phase !== 'running' && phase !== 'paused') || other.state.process === undefined)
      throw new UserError(`cannot join the ${type} namespace of container ${other.record.name}: it is not running`)
    const { pid } = other.state.process
    paths[type] = `/proc/${pid}/ns/${namespaceFiles[type]}`
    if (type === 'ipc') shmPath = `/proc/${pid}/root/dev/shm`
    if (type === 'network') network = other
  }
  return { paths, ...(shmPath === undefined ? {} : { shmPath }), ...(network === undefined ? {} : { network }) }
}
