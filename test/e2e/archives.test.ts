// Images from containers and archives, and back: import, commit, diff, export, save, load. podman-commit(1), podman-save(1)

import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'vitest'
import { type TarMember, tar } from '../fixtures/tar.ts'
import { launcher, stateOptions } from '../support/cli.ts'
import { programPath, skipUnless } from '../support/needs.ts'
import { inTerminal } from '../support/pty.ts'
import { needsContainers, openSession } from '../support/session.ts'

const { describe, it } = skipUnless({ ...needsContainers, programs: [...needsContainers.programs, 'busybox'] })

/** cap_setuid, effective and permitted; version 2 of vfs_cap_data. */
const capability = Uint8Array.from([1, 0, 0, 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])

function rootFileSystem(): Uint8Array {
  const busybox = readFileSync(programPath('busybox')!)
  const links = ['sh', 'rm', 'mkdir', 'chmod', 'cat', 'ls', 'grep', 'sleep', 'touch', 'mv'].map(
    (name): TarMember => ({ path: `bin/${name}`, type: 'symlink', link: 'busybox' }),
  )
  return tar([
    { path: 'bin/', type: 'directory' },
    { path: 'bin/busybox', content: busybox, mode: 0o755 },
    { path: 'able/grep', content: busybox, mode: 0o755, pax: { 'SCHILY.xattr.security.capability': capability } },
    ...links,
    { path: 'etc/', type: 'directory' },
    { path: 'etc/old', content: 'old\n' },
    { path: 'gone/deep/file', content: 'x' },
    { path: 'tmp/', type: 'directory', mode: 0o1777 },
    { path: 'tmp/below', content: 'y' },
  ])
}

describe('archives', () => {
  const { directory, run, ok, field, remove } = openSession({ image: false })
  const inFile = (name: string) => join(directory, name)
  const listing = (archive: string) => execFileSync('tar', ['-tf', archive], { encoding: 'utf8' }).split('\n')
  /** What the program writes to standard output, as bytes, with a file as standard input. */
  const bytesOf = async (argv: readonly string[]): Promise<Buffer> => {
    const child = spawn(process.execPath, ['--', launcher, ...stateOptions(directory), ...argv])
    const parts: Buffer[] = []
    child.stdout.on('data', (part: Buffer) => parts.push(part))
    await new Promise((resolve) => child.on('close', resolve))
    return Buffer.concat(parts)
  }

  it('of a root file system become images, with what is said of them', async () => {
    writeFileSync(inFile('root.tar.gz'), gzipSync(rootFileSystem(), { level: 1 }))
    const said = ['--change', 'CMD ["sh"]', '--change=ENV A=1 B="2 3"', '-c', 'WORKDIR=/etc', '--message', 'first']
    const id = await ok(['import', '--quiet', ...said, 'root.tar.gz', 'base:1'], { cwd: directory })
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(await field('base:1', '{{.Config.Cmd}} {{.Config.WorkingDir}} {{.Comment}}')).toBe('[sh] /etc first')
    expect(await ok(['run', '--rm', '--network=none', 'base:1', 'sh', '-c', 'echo $A $B; cat old'])).toBe('1 2 3\nold')
    await ok(['import', '--arch=arm64', '--os=linux', '--variant=v8', inFile('root.tar.gz'), 'foreign'])
    expect(await field('foreign', '{{.Os}}/{{.Architecture}}')).toBe('linux/arm64')
    await ok(['rmi', 'foreign'])
  })

  it('of a root file system come from standard input and by HTTP, and are refused when they are none', async () => {
    const script = 'exec "$0" "$@" <root.tar.gz'
    const words = [process.execPath, launcher, ...stateOptions(directory), 'import', '-', 'piped']
    execFileSync('sh', ['-c', script, ...words], { cwd: directory })
    const server = createServer((request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/root.tar.gz' }).end()
      else if (request.url === '/root.tar.gz') response.end(readFileSync(inFile('root.tar.gz')))
      else response.writeHead(404).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      await ok(['import', `${url}/moved`, 'fetched'])
      expect((await run(['import', `${url}/none`])).stderr).toMatch(/the server answers 404\n$/)
    } finally {
      server.close()
    }
    const layers = '{{.RootFS.Layers}}'
    const base = await field('base:1', layers)
    expect([await field('piped', layers), await field('fetched', layers)]).toEqual([base, base])
    writeFileSync(inFile('root.tar.xz'), Uint8Array.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2]))
    writeFileSync(inFile('short.tar'), rootFileSystem().subarray(0, 1000))
    expect((await run(['import', inFile('root.tar.xz')])).stderr).toContain('compressed with xz')
    expect((await run(['import', inFile('short.tar')])).code).toBe(125)
    expect((await run(['import', '--change=RUN x', inFile('root.tar.gz')])).stderr).toContain('must begin with one of')
    expect((await run(['import', '--message=x', 'oci:layout'])).stderr).toContain(
      '--message: is for a root file system',
    )
    await ok(['rmi', 'piped', 'fetched'])
    expect(readdirSync(inFile('root/images/tmp'))).toEqual([])
  })

  it('tell what a container has changed, line by line or as json', async () => {
    const changes =
      'rm -r /gone; mkdir /new; echo 1 >/new/file; chmod 4711 /etc/old; chmod 711 /able/grep; rm -r /tmp; mkdir /tmp; touch /tmp/in "$(printf "/new/\\344")"'
    await ok(['run', '--name=changed', '--network=none', '-v', '/volume', 'base:1', 'sh', '-c', changes])
    expect((await ok(['diff', 'changed'])).split('\n')).toEqual([
      'C /able',
      'C /able/grep',
      'C /etc',
      'C /etc/old',
      'D /gone',
      'A /new',
      'A /new/file',
      'A /new/\ufffd',
      'C /tmp',
      'A /tmp/in',
    ])
    expect(JSON.parse(await ok(['diff', '--format=json', 'changed']))).toMatchObject({
      added: ['/new', '/new/file', '/new/\udce4', '/tmp/in'],
      deleted: ['/gone'],
    })
    expect((await run(['diff', 'nothing'])).stderr).toContain('neither a container nor an image')
    expect((await run(['diff', '--format=yaml', 'changed'])).stderr).toContain('must be json')
  })

  it('of containers become images that have the changes, whiteouts and capabilities', async () => {
    const idFile = inFile('id')
    const said = ['--author=me', '--change=LABEL a=b', '--include-volumes', '--quiet', '--iidfile', idFile]
    const id = await ok(['commit', ...said, 'changed', 'committed:1'])
    expect([id, readFileSync(idFile, 'utf8')]).toEqual([id, id])
    const [found] = JSON.parse(await ok(['image', 'inspect', 'committed:1']))
    expect(found).toMatchObject({
      Id: id,
      Author: 'me',
      Config: { Cmd: ['sh', '-c', expect.any(String)], Env: expect.arrayContaining(['A=1']), Labels: { a: 'b' } },
    })
    expect(Object.keys(found.Config.Volumes)).toEqual(['/volume'])
    const base = JSON.parse(await ok(['image', 'inspect', 'base:1']))[0]
    expect(found.RootFS.Layers.slice(0, -1)).toEqual(base.RootFS.Layers)
    expect(found.History).toHaveLength(base.History.length + 1)
    const look =
      'ls /; ls /tmp; cat /new/file; ls /new/$(printf "\\344") >/dev/null; /able/grep CapEff /proc/self/status'
    const seen = await ok(['run', '--rm', '--network=none', '--user=5', 'committed:1', 'sh', '-c', look])
    expect(seen).toBe('able\nbin\ndev\netc\nnew\nproc\nsys\ntmp\nvolume\nin\n1\nCapEff:\t0000000000000080')
    expect((await ok(['diff', 'committed:1'])).split('\n')).toContain('D /gone')
  })

  it("of containers become images in Docker's format, or of one layer", async () => {
    await ok(['commit', '--format=docker', '--message=second', 'changed', 'docker'])
    await ok(['commit', '--squash', '--change', 'CMD ["ls", "/gone"]', 'changed', 'squashed'])
    const [docker] = JSON.parse(await ok(['image', 'inspect', 'docker']))
    expect(docker).toMatchObject({ Comment: 'second', ManifestType: expect.stringContaining('docker') })
    const [squashed] = JSON.parse(await ok(['image', 'inspect', 'squashed']))
    expect(squashed.RootFS.Layers).toHaveLength(1)
    expect((await run(['run', '--rm', '--network=none', 'squashed'])).stderr).toContain('/gone')
    expect((await run(['commit', '--message=x', 'changed'])).stderr).toContain('use --format=docker')
    expect((await run(['commit', '--format=v3', 'changed'])).stderr).toContain('must be oci or docker')
    expect((await run(['commit', 'changed', 'UPPER'])).stderr).toContain('lowercase')
    await ok(['create', '--name=plain', '--network=none', '--rootfs', '/:O', 'true'])
    expect((await run(['commit', 'plain'])).stderr).toMatch(/has no image to add a layer to; use export\n$/)
    await remove('plain')
    await ok(['rmi', 'docker', 'squashed'])
  })

  it('are made of a container that runs, halted meanwhile when asked, and running afterwards', async () => {
    const name = 'runs'
    await ok(['run', '-d', '--name', name, '--network=none', 'base:1', 'sleep', '1000'])
    await ok(['commit', '--pause', name, 'halted'])
    expect(await field(name, '{{.State.Status}}')).toBe('running')
    await ok(['exec', name, 'touch', '/after'])
    await ok(['pause', name])
    await ok(['commit', '--pause=true', name, 'halted'])
    expect(await field(name, '{{.State.Status}}')).toBe('paused')
    await ok(['unpause', name])
    expect(await ok(['run', '--rm', '--network=none', 'halted', 'ls', '/after'])).toBe('/after')
    await remove(name)
    await ok(['rmi', 'halted'])
  })

  it("of a container's files are what it sees, without its volumes, whether it runs or not", async () => {
    await ok(['export', '--output=whole.tar', 'changed'], { cwd: directory })
    const names = listing(inFile('whole.tar'))
    expect(names).toEqual(expect.arrayContaining(['able/grep', 'new/file', 'etc/old', 'tmp/in', 'volume/']))
    expect(names.filter((name) => /gone|tmp\/below/.test(name))).toEqual([])
    const attributes = execFileSync('tar', [
      '--xattrs',
      '--xattrs-include=*',
      '-tvvf',
      inFile('whole.tar'),
      'able/grep',
    ])
    expect(attributes.toString()).toContain('security.capability')
    expect(Buffer.compare(await bytesOf(['export', 'changed']), readFileSync(inFile('whole.tar')))).toBe(0)
    await ok([
      'run',
      '-d',
      '--name=live',
      '--network=none',
      '-v',
      '/volume',
      'base:1',
      'sh',
      '-c',
      'touch /volume/x /own; sleep 1000',
    ])
    await ok(['exec', 'live', 'ls', '/own'])
    await ok(['export', '-o', inFile('live.tar'), 'live'])
    expect(listing(inFile('live.tar')).filter((name) => /own|volume/.test(name))).toEqual(['own', 'volume/'])
    await remove('live')
    mkdirSync(inFile('rootfs/etc'), { recursive: true })
    writeFileSync(inFile('rootfs/etc/only'), '')
    await ok(['create', '--name=plain', '--network=none', '--rootfs', inFile('rootfs'), 'true'])
    await ok(['export', '-o', inFile('plain.tar'), 'plain'])
    expect(listing(inFile('plain.tar'))).toEqual(['./', 'etc/', 'etc/only', ''])
    expect((await run(['diff', 'plain'])).stderr).toContain('use --rootfs=DIRECTORY:O')
    await remove('plain')
    expect((await run(['export', '-o', inFile('none.tar'), 'nothing'])).code).toBe(125)
    expect(readdirSync(directory)).not.toContain('none.tar')
  })

  const transports: Readonly<Record<string, string>> = { 'docker-dir': 'dir', 'oci-dir': 'oci' }

  it('of images are saved in four formats, and are loaded again', async () => {
    const id = await ok(['images', '--quiet', '--no-trunc', 'committed:1'])
    for (const format of ['docker-archive', 'oci-archive', 'oci-dir', 'docker-dir']) {
      await ok(['save', '--quiet', `--format=${format}`, '--output', format, 'committed:1'], { cwd: directory })
      await ok(['rmi', '--force', 'committed:1'])
      expect(await ok(['load', '--quiet', '-i', format], { cwd: directory })).toMatch(/^Loaded image: /)
      expect(await ok(['import', `${transports[format] ?? format}:${format}`, 'committed:1'], { cwd: directory })).toBe(
        id,
      )
    }
    expect(Buffer.compare(await bytesOf(['save', 'committed:1']), readFileSync(inFile('docker-archive')))).toBe(0)
    await ok(['save', '--multi-image-archive', '-o', inFile('two.tar'), 'committed:1', 'base:1'])
    expect(await ok(['load', '--input', inFile('two.tar')])).toBe(
      'Loaded image: localhost/committed:1\nLoaded image: localhost/base:1',
    )
  })

  it('of images are refused where they cannot be written', async () => {
    expect((await run(['save', 'committed:1', 'base:1'])).stderr).toContain('with --multi-image-archive only')
    expect((await run(['save', '--format=docker-dir', 'base:1'])).stderr).toContain('needs --output')
    expect((await run(['save', '--format=zip', 'base:1'])).stderr).toContain('must be one of docker-archive')
    expect((await run(['save', '-o', inFile('x'), 'nothing'])).stderr).toContain('nothing')
    expect(readdirSync(directory)).not.toContain('x')
  })

  it('are written to no terminal', async () => {
    for (const argv of [
      ['save', 'base:1'],
      ['export', 'changed'],
    ]) {
      const terminal = inTerminal(directory, argv)
      expect(await terminal.exitCode).toBe(125)
      expect(terminal.shown()).toContain('that is a terminal: give --output FILE')
    }
    const terminal = inTerminal(directory, ['import', '-'])
    expect(await terminal.exitCode).toBe(125)
  })
})
