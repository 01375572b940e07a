// inspect: all that is known of a container, in podman's shape.

import { parseFile, readTextIfThere } from '../files.ts'
import { networkSettings } from '../network/state.ts'
import { argsOf, hostnameOf, stopSignalOf, userOf } from '../spec/from-request.ts'
import { propagations } from '../spec/mount-words.ts'
import { cleanPath, volumesOf } from '../spec/mounts.ts'
import type { ContainerRequest, NetworkMode, UserMode } from '../spec/request.ts'
import type { Spec } from '../spec/types.ts'
import { phaseOf, type Stored } from '../store/record.ts'
import { volumePaths } from '../store/volumes.ts'
import type { Host, Settings } from './host.ts'
import type { InspectedConfig, InspectedHostConfig, InspectedPort, InspectedState, Inspection } from './inspection.ts'
import { imageName, networkName, portsOf, statusOf } from './list.ts'
import { lookUp } from './open.ts'
import { currentRequest, overlayOf, rootDirectoryOf } from './prepare.ts'
import type { Verbs } from './types.ts'

/** Go's time.Time before anything happened. */
const never = '0001-01-01T00:00:00Z'

function time(ms: number | undefined): string {
  return ms === undefined ? never : new Date(ms).toISOString()
}

function stateOf(stored: Stored, spec: Spec | undefined): InspectedState {
  const { state } = stored
  const phase = phaseOf(state)
  const runs = phase === 'running' || phase === 'paused'
  const monitor = state.monitor?.pid ?? 0
  return {
    OciVersion: spec?.ociVersion ?? '',
    Status: statusOf(stored),
    Running: runs,
    Paused: phase === 'paused',
    Restarting: false,
    OOMKilled: !runs && (state.ending?.oomKilled ?? false),
    Dead: false,
    Pid: state.process?.pid ?? 0,
    MonitorPid: monitor,
    ConmonPid: monitor,
    ExitCode: runs ? 0 : (state.ending?.code ?? 0),
    ExitUnknown: !runs && state.ending?.unknown === true,
    Error: state.failure ?? '',
    StartedAt: time(state.startedMs),
    FinishedAt: runs ? never : time(state.ending?.atMs),
    CgroupPath: stored.record.cgroupPath,
  }
}

function configOf({ record }: Stored, spec: Spec | undefined): InspectedConfig {
  const { request, image } = record
  return {
    Hostname: request.uts.kind === 'private' ? hostnameOf(request, record.id) : '',
    User: userOf(request, image?.config),
    Tty: request.terminal,
    OpenStdin: request.interactive,
    AttachStdin: request.interactive && !request.detach,
    Env: spec?.process?.env ?? [...(image?.config.config?.Env ?? []), ...request.env],
    Cmd: request.command.length > 0 ? request.command : (image?.config.config?.Cmd ?? []),
    Entrypoint: request.entrypoint ?? image?.config.config?.Entrypoint ?? [],
    Image: request.source.kind === 'image' ? request.source.reference : '',
    WorkingDir: request.workingDirectory ?? image?.config.config?.WorkingDir ?? '/',
    Labels: { ...image?.config.config?.Labels, ...request.labels },
    Annotations: request.annotations,
    StopSignal: stopSignalOf(request, image?.config),
    StopTimeout: request.stopTimeoutSeconds,
    Umask: request.umask.toString(8).padStart(4, '0'),
  }
}

function modeText(mode: UserMode | NetworkMode | { readonly kind: 'none' } | undefined): string {
  if (mode === undefined) return ''
  if (mode.kind === 'container') return `container:${mode.container}`
  return mode.kind === 'path' ? `ns:${mode.path}` : mode.kind
}

function idMappingsOf({ uid, gid }: NonNullable<Stored['record']['mappings']>): InspectedHostConfig['IDMappings'] {
  const text = ({ containerID, hostID, size }: (typeof uid)[number]) => `${containerID}:${hostID}:${size}`
  return { UidMap: uid.map(text), GidMap: gid.map(text) }
}

function portTable(ports: ContainerRequest['publish']): Record<string, InspectedPort[]> {
  const table: Record<string, InspectedPort[]> = {}
  for (const { hostIp = '', hostPort = 0, containerPort, protocol } of ports) {
    const key = `${containerPort}/${protocol}`
    table[key] = [...(table[key] ?? []), { HostIp: hostIp, HostPort: hostPort === 0 ? '' : String(hostPort) }]
  }
  return table
}

function hostConfigOf(stored: Stored, spec: Spec | undefined, settings: Settings): InspectedHostConfig {
  const { record, paths } = stored
  const request = currentRequest(stored)
  const { resources, security } = request
  const pids = resources.pidsLimit ?? spec?.linux?.resources?.pids?.limit ?? 0
  return {
    AutoRemove: request.remove,
    Privileged: request.privileged,
    ReadonlyRootfs: request.readOnly,
    Init: request.init,
    Memory: resources.memoryBytes ?? 0,
    MemorySwap: resources.memorySwapBytes ?? spec?.linux?.resources?.memory?.swap ?? 0,
    MemoryReservation: resources.memoryReservationBytes ?? 0,
    NanoCpus: Math.round((resources.cpus ?? 0) * 1e9),
    CpuShares: resources.cpuShares ?? 0,
    CpuPeriod: resources.cpuPeriodUsec ?? spec?.linux?.resources?.cpu?.period ?? 0,
    CpuQuota: resources.cpuQuotaUsec ?? spec?.linux?.resources?.cpu?.quota ?? 0,
    CpusetCpus: resources.cpusetCpus ?? '',
    CpusetMems: resources.cpusetMems ?? '',
    PidsLimit: pids,
    BlkioWeight: resources.blkioWeight ?? 0,
    ShmSize: request.shmSizeBytes,
    OomScoreAdj: request.oomScoreAdj ?? 0,
    CgroupManager: record.scope === undefined ? 'cgroupfs' : 'systemd',
    CgroupParent: record.scope?.slice ?? record.cgroupPath.slice(0, record.cgroupPath.lastIndexOf('/')),
    CgroupMode: modeText(request.cgroupns),
    NetworkMode: networkName(stored),
    PidMode: modeText(request.pid),
    IpcMode: modeText(request.ipc),
    UTSMode: modeText(request.uts),
    UsernsMode: record.mappings === undefined ? modeText(request.userns) : 'private',
    ...(record.mappings === undefined ? {} : { IDMappings: idMappingsOf(record.mappings) }),
    CapAdd: request.capAdd,
    CapDrop: request.capDrop,
    SecurityOpt: [
      ...(security.seccomp.kind === 'unconfined' ? ['seccomp=unconfined'] : []),
      ...(security.seccomp.kind === 'file' ? [`seccomp=${security.seccomp.path}`] : []),
      ...(security.noNewPrivileges ? ['no-new-privileges'] : []),
      ...(security.apparmor === undefined ? [] : [`apparmor=${security.apparmor}`]),
      ...security.mask.map((path) => `mask=${path}`),
      ...security.unmask.map((path) => `unmask=${path}`),
    ],
    Binds: request.volumes
      .filter((volume) => volume.kind !== 'anonymous')
      .map(({ source, destination, options }) => [source, destination, options.join(',')].filter(Boolean).join(':')),
    Tmpfs: Object.fromEntries(request.tmpfs.map(({ destination, options }) => [destination, options.join(',')])),
    Devices: request.devices.map(({ source, destination, access }) => ({
      PathOnHost: source,
      PathInContainer: destination,
      CgroupPermissions: access,
    })),
    Ulimits: request.ulimits.map(({ type, soft, hard }) => ({ Name: type, Soft: soft, Hard: hard })),
    PortBindings: portTable(request.publish),
    LogConfig: { Type: 'k8s-file', Path: paths.log, Size: settings.logMaxBytes ? `${settings.logMaxBytes}B` : '0B' },
  }
}

/** The mounts that were asked for, with the options that the last start gave them; those of every container are left out. */
function mountsOf({ record }: Stored, spec: Spec | undefined, settings: Settings): Inspection['Mounts'] {
  return volumesOf(record.request, record.image?.config).map(({ kind, source, destination: given, options }) => {
    const destination = cleanPath(given)
    const made = spec?.mounts?.find((mount) => mount.destination === destination && mount.type === 'bind')
    const all = made?.options ?? options
    const volume = kind !== 'bind' && source !== undefined
    return {
      Type: kind === 'bind' ? 'bind' : 'volume',
      ...(volume ? { Name: source } : {}),
      Source: made?.source ?? (volume ? volumePaths(settings, source).data : (source ?? '')),
      Destination: destination,
      Driver: kind === 'bind' ? '' : 'local',
      Mode: '',
      Options: all.filter((option) => option !== 'ro' && option !== 'rw'),
      RW: !all.includes('ro'),
      Propagation: all.find((option) => propagations.includes(option)) ?? '',
    }
  })
}

/** @errors UserError when there is no such container */
export async function inspect(host: Host, settings: Settings, container: string): Promise<Inspection> {
  const stored = await lookUp(host, settings, container)
  const { record, state, paths } = stored
  const { request, image } = record
  const text = readTextIfThere(host.kernel, paths.config)
  const spec = text === undefined ? undefined : parseFile<Spec>(text, paths.config)
  const args = spec?.process?.args ?? argsOf({ ...request, init: false }, image?.config)
  const overlay = overlayOf(stored)
  const network = networkSettings(state.network ?? { mode: 'none', ports: [] })
  return {
    Id: record.id,
    Name: record.name,
    Created: time(record.createdMs),
    Path: args[0] ?? '',
    Args: args.slice(1),
    State: stateOf(stored, spec),
    Image: image?.id ?? '',
    ImageDigest: image?.digest ?? '',
    ImageName: imageName(stored),
    Rootfs: rootDirectoryOf(request),
    OCIConfigPath: paths.config,
    OCIRuntime: 'vitrine',
    MountLabel: '',
    ResolvConfPath: paths.resolvConf,
    HostnamePath: paths.hostname,
    HostsPath: paths.hosts,
    Driver: overlay === undefined ? 'none' : 'overlay',
    GraphDriver:
      overlay === undefined
        ? { Name: 'none', Data: {} }
        : {
            Name: 'overlay',
            Data: {
              LowerDir: overlay.lowerDirectories.join(':'),
              UpperDir: overlay.upperDirectory ?? '',
              WorkDir: overlay.workDirectory ?? '',
              MergedDir: overlay.mountPoint,
            },
          },
    Mounts: mountsOf(stored, spec, settings),
    EffectiveCaps: spec?.process?.capabilities?.effective ?? [],
    BoundingCaps: spec?.process?.capabilities?.bounding ?? [],
    Config: configOf(stored, spec),
    HostConfig: hostConfigOf(stored, spec, settings),
    NetworkSettings: {
      ...network,
      SandboxKey: state.process === undefined ? '' : `/proc/${state.process.pid}/ns/net`,
      Ports: portTable(portsOf(stored)),
      Networks: { [networkName(stored)]: network.Networks[state.network?.mode ?? 'none']! },
    },
  }
}

inspect satisfies Verbs['inspect']
