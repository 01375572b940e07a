// commit: an image from what a container has changed. podman-commit(1).

import { UserError } from '../errors.ts'
import { S_IFDIR, S_IFMT, S_IFREG } from '../files.ts'
import { bringIn, withImport } from '../image/bring.ts'
import { composeImage, draftLayer, type ImageFormat, layersOf } from '../image/compose.ts'
import { changed } from '../image/config-changes.ts'
import { localName } from '../image/reference.ts'
import { findImage, type ImageRecord } from '../image/store.ts'
import type { TreeFile } from '../image/tree.ts'
import { treeTar } from '../image/tree-tar.ts'
import { mergeEnv } from '../spec/from-request.ts'
import type { ImageConfig, ImageExecution, ImageHistory } from '../spec/image-config.ts'
import { signalName } from '../spec/names.ts'
import { phaseOf, type Stored } from '../store/record.ts'
import { layersOfContainer, marksOf, mountPlaces, ownersOf } from './container-tree.ts'
import type { Host, Settings } from './host.ts'
import { imageHost } from './image-host.ts'
import { withContainer } from './open.ts'
import { pauseStored, unpauseStored } from './pause.ts'

export interface CommitOptions {
  /** Without one the image is known by its id only. */
  readonly name?: string
  readonly author?: string
  /** Docker's format has a place for it. */
  readonly message?: string
  /** Instructions of a Containerfile. */
  readonly changes: readonly string[]
  readonly format: ImageFormat
  /** Halts a container that runs until its files have been read. */
  readonly pause: boolean
  /** One layer with everything in it. */
  readonly squash: boolean
  /** The places of its volumes become volumes of the image. */
  readonly includeVolumes: boolean
}

/**
 * Makes an image of a container: the layers of its image and one more, with its changes. What it is told to run, its
 * environment, user and labels become the image's; what is in its volumes does not.
 *
 * @errors UserError when it was made of a directory and no image, or an instruction is wrong
 */
export async function commit(
  host: Host,
  settings: Settings,
  container: string,
  options: CommitOptions,
): Promise<ImageRecord> {
  const images = imageHost(host, settings)
  const names = options.name === undefined ? [] : [localName(options.name)]
  const archive = await host.archive()
  return withImport(images, async () => {
    const image = await withContainer(host, settings, container, async (stored) => {
      const { record } = stored
      if (record.image === undefined)
        throw new UserError(
          `commit ${record.name}: it was made of the directory of --rootfs and has no image to add a layer to; use export`,
        )
      const base = options.squash ? [] : layersOf(images, findImage(images, `sha256:${record.image.id}`))
      const execution = changed(executionOf(stored, options), options.changes)
      const layer = await halted(host, stored, options.pause, () =>
        draftLayer(images, archive, `commit-${record.id.slice(0, 12)}`, changesOf(host, stored, options.squash)),
      )
      const config = configOf(host, stored, execution, options)
      return composeImage(archive, config, [...base, layer], options.format)
    })
    return await bringIn(images, archive, image, { names })
  })
}

/** Runs an action while a container stands still, if it runs and that is wanted. */
async function halted<T>(host: Host, stored: Stored, wanted: boolean, act: () => Promise<T>): Promise<T> {
  if (!wanted || phaseOf(stored.state) !== 'running') return await act()
  const paused = await pauseStored(host, stored)
  try {
    return await act()
  } finally {
    await unpauseStored(host, paused)
  }
}

function changesOf(host: Host, stored: Stored, squash: boolean): AsyncGenerator<Uint8Array> {
  const places = mountPlaces(host.kernel, stored)
  return treeTar(host.kernel, layersOfContainer(stored), {
    view: squash ? 'merged' : 'changes',
    layer: true,
    marks: marksOf(host),
    title: `commit ${stored.record.name}`,
    ...ownersOf(host),
    skip: (file) => !squash && places.has(file.path) && isPlace(file),
    warn: host.warn,
  })
}

/** An empty file or directory that was made for something to be mounted on. */
function isPlace({ stat, below }: TreeFile): boolean {
  const kind = stat.mode & S_IFMT
  return below === undefined && (kind === S_IFDIR || (kind === S_IFREG && stat.size === 0))
}

/** How the container was run is how containers of the image are run. */
function executionOf({ record }: Stored, { includeVolumes }: CommitOptions): ImageExecution {
  const { request } = record
  const own = record.image!.config.config ?? {}
  const env = mergeEnv(own.Env ?? [], request.env)
  const labels = { ...own.Labels, ...request.labels }
  const ports = Object.fromEntries(
    request.publish.map(({ containerPort, protocol }) => [`${containerPort}/${protocol}`, {}]),
  )
  const exposed = { ...own.ExposedPorts, ...ports }
  const volumes = includeVolumes ? request.volumes.map(({ destination }) => [destination, {}] as const) : []
  const places = { ...own.Volumes, ...Object.fromEntries(volumes) }
  return {
    ...own,
    ...(env.length === 0 ? {} : { Env: env }),
    ...(Object.keys(labels).length === 0 ? {} : { Labels: labels }),
    ...(Object.keys(exposed).length === 0 ? {} : { ExposedPorts: exposed }),
    ...(Object.keys(places).length === 0 ? {} : { Volumes: places }),
    ...(request.command.length === 0 && request.entrypoint === undefined ? {} : { Cmd: request.command }),
    ...(request.entrypoint === undefined ? {} : { Entrypoint: request.entrypoint }),
    ...(request.user === undefined ? {} : { User: request.user }),
    ...(request.workingDirectory === undefined ? {} : { WorkingDir: request.workingDirectory }),
    ...(request.stopSignal === undefined ? {} : { StopSignal: signalName(request.stopSignal) }),
  }
}

function configOf(
  host: Host,
  { record }: Stored,
  execution: ImageExecution,
  { author, message, format, squash }: CommitOptions,
): Omit<ImageConfig, 'rootfs'> {
  const { created: _, author: before, config: __, rootfs: ___, history, ...platform } = record.image!.config
  const { architecture, os, variant, 'os.version': version, 'os.features': features } = platform
  const created = new Date(host.now()).toISOString()
  const comment = format === 'docker' && message !== undefined ? { comment: message } : {}
  const { request } = record
  const own = record.image!.config.config
  const command = request.command.length > 0 || request.entrypoint ? request.command : own?.Cmd
  const entry: ImageHistory = {
    created,
    created_by: [...(request.entrypoint ?? own?.Entrypoint ?? []), ...(command ?? [])].join(' '),
    ...(author === undefined ? {} : { author }),
    ...comment,
  }
  return {
    created,
    ...((author ?? before) === undefined ? {} : { author: author ?? before }),
    architecture,
    os,
    ...(variant === undefined ? {} : { variant }),
    ...(version === undefined ? {} : { 'os.version': version }),
    ...(features === undefined ? {} : { 'os.features': features }),
    ...comment,
    config: execution,
    history: squash ? [entry] : [...(history ?? []), entry],
  }
}
