// Which flags of a request do not go together, told before anything is done.

import { UserError } from '../errors.ts'
import type { ContainerRequest } from './request.ts'
import { resourcesFromRequest } from './resources.ts'

const ipcSysctl = new Set(
  ['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'].map(
    (name) => `kernel.${name}`,
  ),
)

function refuse(sentence: string): never {
  throw new UserError(sentence)
}

/** A sysctl is the container's own only when its namespace is. sysctl(8), namespaces(7). */
function checkSysctl(request: ContainerRequest): void {
  const { ipc, network, uts } = request
  for (const key of Object.keys(request.sysctl)) {
    const ofNetwork = key.startsWith('net.')
    const ofIpc = ipcSysctl.has(key) || key.startsWith('fs.mqueue.')
    const ofUts = key === 'kernel.domainname'
    if (!ofNetwork && !ofIpc && !ofUts)
      refuse(`--sysctl=${key}: is the whole host's, and cannot be set for a container`)
    if (ofNetwork && network.kind === 'host') refuse(`--sysctl=${key}: is the host's with --network=host`)
    if (ofIpc && ipc.kind === 'host') refuse(`--sysctl=${key}: is the host's with --ipc=host`)
    if (ofUts && uts.kind === 'host') refuse(`--sysctl=${key}: is the host's with --uts=host`)
  }
}

function checkUserNamespace({ userns, idMappings, subordinates }: ContainerRequest): void {
  const given = idMappings === undefined ? '--subuidname' : '--uidmap'
  if (idMappings === undefined && subordinates === undefined) return
  if (idMappings !== undefined && subordinates !== undefined)
    refuse('--uidmap and --subuidname both say which ids the container has: give one')
  if (userns !== undefined && userns.kind !== 'private')
    refuse(`${given}: says which ids a new user namespace has, and --userns=${userns.kind} says otherwise: give one`)
}

/** @errors UserError naming the flags that do not go together */
export function checkRequest(request: ContainerRequest): void {
  const { network } = request
  if (request.name !== undefined && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(request.name))
    refuse(`--name=${request.name}: a name is made of letters, digits, _ . and -, and begins with a letter or digit`)
  if (request.replace && request.name === undefined) refuse('--replace: needs --name, to know which one to replace')
  checkUserNamespace(request)
  if (request.publish.length > 0 && (network.kind === 'host' || network.kind === 'none'))
    refuse(`-p: there are no ports to publish with --network=${network.kind}`)
  if (request.publish.length > 0 && (network.kind === 'container' || network.kind === 'path'))
    refuse('-p: the ports of a network that is joined are published by the container that made it')
  if (request.init && request.pid.kind !== 'private')
    refuse('--init: must be PID 1, and needs a pid namespace of its own')
  if (request.hostname !== undefined && request.uts.kind !== 'private')
    refuse('--hostname: needs a uts namespace of its own, without --uts')
  if (request.hostname !== undefined && new TextEncoder().encode(request.hostname).length > 64)
    refuse(`--hostname=${request.hostname}: at most 64 bytes`)
  if (request.addHost.length > 0 && (network.kind === 'container' || network.kind === 'path'))
    refuse('--add-host: /etc/hosts is that of the network that is joined')
  if (request.workingDirectory !== undefined && !request.workingDirectory.startsWith('/'))
    refuse(`--workdir=${request.workingDirectory}: must be an absolute path of the container`)
  checkSysctl(request)
  resourcesFromRequest(request.resources)
}
