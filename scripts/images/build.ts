// Makes prebuilds/images: the images that simulated machines come with, as one OCI layout. The same guest gives the same bytes.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { mediaTypes } from '../../core/image/manifest.ts'
import { plainMember, tarEnd, tarHeader, tarPadding } from '../../core/image/tar-writer.ts'
import type { ImageExecution } from '../../core/spec/image-config.ts'

interface Layer {
  readonly bytes: Uint8Array
  readonly why: string
}

interface Image {
  readonly name: string
  readonly layers: readonly Layer[]
  readonly config: ImageExecution
}

type Entry = readonly [path: string, content?: string | Uint8Array, more?: { mode?: number; link?: string }]

const page = '<html><body><h1>It works!</h1></body></html>\n'
const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** Nothing in it may tell when it was made: the day that simulated machines begin with. */
const created = '2023-11-14T00:00:00Z'

/** @param root - of the repository. Answers whether something was made. */
export function buildImages(root: string): boolean {
  const box = join(root, 'prebuilds/guests/box')
  const component = new Uint8Array(readFileSync(join(box, 'component.wasm')))
  const { tools } = JSON.parse(readFileSync(join(box, 'index.json'), 'utf8')) as { tools: string[] }
  const files = layoutOf(imagesOf(component, tools))
  const place = join(root, 'prebuilds/images')
  const index = join(place, 'index.json')
  if (existsSync(index) && readFileSync(index, 'utf8') === files.get('index.json')!.toString()) return false
  const draft = `${place}.${process.pid}`
  for (const [name, content] of files) {
    mkdirSync(dirname(join(draft, name)), { recursive: true })
    writeFileSync(join(draft, name), content)
  }
  rmSync(place, { recursive: true, force: true })
  renameSync(draft, place)
  return true
}

function imagesOf(component: Uint8Array, tools: readonly string[]): Image[] {
  const base: Layer = {
    why: 'one program that is all tools',
    bytes: tar([
      ...['bin', 'dev', 'etc', 'home', 'proc', 'root', 'run', 'sys', 'usr', 'usr/bin', 'usr/sbin', 'var'].map(
        (directory): Entry => [directory],
      ),
      ['tmp', undefined, { mode: 0o1777 }],
      ['bin/box', component, { mode: 0o755 }],
      ...tools.map((tool): Entry => [`bin/${tool}`, undefined, { link: 'box' }]),
      [
        'etc/passwd',
        'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\nuser:x:1000:1000::/:/bin/sh\n',
      ],
      ['etc/group', 'root:x:0:\nwww-data:x:33:\nuser:x:1000:\n'],
    ]),
  }
  const web: Layer = {
    why: 'a page',
    bytes: tar([
      ...['usr/local', 'usr/local/apache2', 'usr/local/apache2/htdocs'].map((directory): Entry => [directory]),
      ['usr/local/apache2/htdocs/index.html', page],
    ]),
  }
  const Env = [path]
  return [
    { name: 'busybox', layers: [base], config: { Env, Cmd: ['sh'] } },
    {
      name: 'httpd',
      layers: [base, web],
      config: {
        Env,
        Cmd: ['httpd', '-f', '-p', '80', '-h', '/usr/local/apache2/htdocs'],
        ExposedPorts: { '80/tcp': {} },
        WorkingDir: '/usr/local/apache2',
      },
    },
    { name: 'stress', layers: [base], config: { Env, Entrypoint: ['stress'] } },
  ]
}

function layoutOf(images: readonly Image[]): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  const blob = (content: Uint8Array | object) => {
    const bytes = content instanceof Uint8Array ? Buffer.from(content) : Buffer.from(JSON.stringify(content))
    const hex = createHash('sha256').update(bytes).digest('hex')
    files.set(`blobs/sha256/${hex}`, bytes)
    return { digest: `sha256:${hex}`, size: bytes.length }
  }
  const manifests = images.map(({ name, layers, config }) => {
    const described = layers.map(({ bytes }) => ({ mediaType: mediaTypes.ociLayer, ...blob(bytes) }))
    const platform = { architecture: 'wasm', os: 'wasi' }
    const whole = {
      ...{ created, ...platform, config },
      rootfs: { type: 'layers', diff_ids: described.map(({ digest }) => digest) },
      history: layers.map(({ why }) => ({ created, created_by: why })),
    }
    const manifest = {
      ...{ schemaVersion: 2, mediaType: mediaTypes.ociManifest },
      config: { mediaType: mediaTypes.ociConfig, ...blob(whole) },
      layers: described,
    }
    const annotations = { 'org.opencontainers.image.ref.name': `docker.io/library/${name}:latest` }
    return { mediaType: mediaTypes.ociManifest, ...blob(manifest), platform, annotations }
  })
  files.set('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'))
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }
  files.set('index.json', Buffer.from(JSON.stringify(index)))
  return files
}

function tar(entries: readonly Entry[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const [name, content, { mode, link } = {}] of entries) {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
    const type = link !== undefined ? 'symlink' : bytes ? 'file' : 'directory'
    const member = { ...plainMember(name, type, bytes?.length ?? 0), link: link ?? '' }
    const usual = type === 'symlink' ? 0o777 : member.mode
    parts.push(tarHeader({ ...member, mode: mode ?? usual }))
    if (bytes) parts.push(bytes, tarPadding(bytes.length))
  }
  return Buffer.concat([...parts, tarEnd])
}
