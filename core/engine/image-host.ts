// The image store's view of the host: what the engine's verbs hand to core/image.

import type { ImageHost } from '../image/archive.ts'
import type { Host, Settings } from './host.ts'

export const imageHost = (host: Host, settings: Settings): ImageHost => ({
  kernel: host.kernel,
  root: settings.root,
  runroot: settings.runroot,
  archive: host.archive,
  environment: host.environment,
  warn: host.warn,
})
