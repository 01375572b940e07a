// What the quickstart needs besides npm's packages: Linux, root, a few programs, and an image of a web server.

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execute, isSimulated } from './place.ts'
import { say, show, title } from './shell.ts'

export type Prepared =
  | { readonly kind: 'image'; readonly reference: string; readonly otherUserReference: string }
  | { readonly kind: 'rootfs'; readonly command: readonly string[] }

/** Program, Debian package. */
const needed = [
  ['curl', 'curl'],
  ['ps', 'procps'],
  ['nsenter', 'util-linux'],
] as const

const isThere = (program: string) =>
  [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'].some((place) => existsSync(join(place, program)))

function installPrograms(): void {
  const missing = needed.filter(([program]) => !isThere(program)).map(([, name]) => name)
  if (missing.length === 0) return
  if (!existsSync('/usr/bin/apt-get')) throw new Error(`install ${missing.join(' ')} first: the proofs use them`)
  say(`installing Debian packages: ${missing.join(' ')}`)
  const apt = (...words: string[]) => execFileSync('apt-get', ['-q', '-y', ...words], { stdio: 'ignore' })
  apt('update')
  apt('install', '--no-install-recommends', ...missing)
}

/** A new machine, whose images are its own. */
function prepareSimulated(): Prepared {
  title('An image: the httpd that a simulated machine comes with')
  const names = execute(['vitrine', 'machine', 'ls']).stdout
  if (/^quickstart /m.test(names)) execute(['vitrine', 'machine', 'rm', 'quickstart'])
  show(['vitrine', 'tag', 'httpd', 'localhost/httpd'])
  const otherUserReference = 'localhost/httpd-1001'
  const serve = '["httpd","-f","-p","8080","-h","/usr/local/apache2/htdocs"]'
  show(['vitrine', 'create', '--name', 'draft', 'httpd'], { quiet: true })
  show(['vitrine', 'commit', '-q', '-c', 'USER 1001', '-c', `CMD ${serve}`, 'draft', otherUserReference])
  show(['vitrine', 'rm', 'draft'], { quiet: true })
  show(['vitrine', 'images'])
  return { kind: 'image', reference: 'localhost/httpd', otherUserReference }
}

/** Checks the machine, and takes in the image; without one the host's own files serve, under an overlay. */
export async function prepare(): Promise<Prepared> {
  if (isSimulated) return prepareSimulated()
  if (process.platform !== 'linux') throw new Error(`containers need Linux, and this is ${process.platform}`)
  if (process.geteuid?.() !== 0) throw new Error('the quickstart needs root: it makes bridges, overlays and cgroups')
  installPrograms()
  title('An image: Debian packages of apache2 in layers, as an OCI archive')
  let built: readonly [httpd: string, other: string]
  try {
    const { buildHttpdImage } = await import('../../test/fixtures/build.ts')
    built = [buildHttpdImage().path, buildHttpdImage('default').path]
  } catch (error) {
    say(`the image cannot be built here (${(error as Error).message.split('\n')[0]})`)
    say("instead: a small server on the host's own files, changes going to an overlay")
    const script =
      "require('http').createServer((_, answer) => answer.end('hello from a container\\n')).listen(80, '0.0.0.0')"
    return { kind: 'rootfs', command: [process.execPath, '-e', script] }
  }
  const [httpd, other] = built
  const otherUserReference = 'localhost/httpd-1001'
  show(['vitrine', 'import', `oci-archive:${httpd}`, 'localhost/httpd'])
  show(['vitrine', 'import', `oci-archive:${other}`, otherUserReference])
  show(['vitrine', 'images'])
  return { kind: 'image', reference: 'localhost/httpd', otherUserReference }
}
