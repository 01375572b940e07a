// A registry behind a counting proxy, and stores that pull from it and push to it: the engine without the command line.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openHost, readEnvironment } from '../../cli/host.ts'
import type { Host, Settings } from '../../core/engine/host.ts'
import type { TransferEvent } from '../../core/engine/transfer.ts'
import { type ImageRecord, listImages } from '../../core/image/store.ts'
import { withTemporaryDirectory } from './directory.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { needsRegistry, type Registry, withRegistry } from './registry.ts'

export const needsTransfers = { ...needsRegistry, natives: true } as const

export interface Store {
  readonly host: Host
  readonly settings: Settings
  readonly warnings: string[]
  readonly events: TransferEvent[]
  readonly onTransfer: (event: TransferEvent) => void
  readonly images: () => readonly ImageRecord[]
  readonly blob: (digest: string) => Buffer
  /** Digits of all blobs that are there. */
  readonly blobs: () => string[]
  /** Files that are being made. */
  readonly drafts: () => string[]
}

export interface Transfers {
  readonly registry: Registry
  readonly proxy: FaultProxy
  /** `repository` at the proxy, to which plain HTTP is spoken. */
  readonly at: (repository: string) => string
  /** A store that is empty at first, by name. */
  readonly store: (name: string) => Store
  readonly directory: string
}

/** No configuration of the machine is looked at. */
export async function withTransfers<T>(use: (transfers: Transfers) => Promise<T>): Promise<T> {
  return await withTemporaryDirectory((directory) =>
    withRegistry({ directory: join(directory, 'registry') }, async (registry) => {
      const proxy = await startFaultProxy(registry.address)
      const conf = join(directory, 'registries.conf')
      writeFileSync(conf, `[[registry]]\nlocation = "${proxy.address}"\ninsecure = true\n`)
      try {
        return await use({
          registry,
          proxy,
          directory,
          at: (repository) => `${proxy.address}/${repository}`,
          store: (name) => storeOf(join(directory, name), conf),
        })
      } finally {
        await proxy.stop()
      }
    }),
  )
}

function storeOf(directory: string, conf: string): Store {
  mkdirSync(directory)
  const variables = {
    HOME: directory,
    XDG_RUNTIME_DIR: directory,
    CONTAINERS_REGISTRIES_CONF: conf,
    REGISTRY_AUTH_FILE: join(directory, 'auth.json'),
  }
  const warnings: string[] = []
  const events: TransferEvent[] = []
  const host: Host = {
    ...openHost({ ...readEnvironment(), home: directory, variables }),
    warn: (sentence) => void warnings.push(sentence),
  }
  const settings: Settings = {
    root: join(directory, 'root'),
    runroot: join(directory, 'run'),
    cgroupParent: '/',
    selfArgv: ['/bin/false'],
  }
  const images = join(directory, 'root/images')
  return {
    host,
    settings,
    warnings,
    events,
    onTransfer: (event) => void events.push(event),
    images: () => listImages({ kernel: host.kernel, root: settings.root }),
    blob: (digest) => readFileSync(join(images, 'blobs', digest.replace(':', '/'))),
    blobs: () => readdirSync(join(images, 'blobs/sha256')),
    drafts: () => readdirSync(join(images, 'tmp')),
  }
}
