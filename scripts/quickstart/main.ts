// The quickstart: a real web server in a container with nine ceilings, and the proof of every claim about it.
// Options: --keep leaves the server running; --sim does it on a simulated machine.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { enforceCpu, enforceMemory, enforcePids } from './enforcement.ts'
import { execute, isSimulated } from './place.ts'
import { prepare } from './prepare.ts'
import { proveCeilings, proveIdentities, proveKernel, proveLauncher, running } from './proofs.ts'
import { say, show, title } from './shell.ts'
import { proveOtherUser, proveTenAtOnce } from './variants.ts'

const name = 'my-limited-httpd'
const flags = [
  ...['-d', '--name', name, '--replace', '--memory=512m', '--memory-swap=512m', '--cpus=1.5'],
  ...['--cpu-shares=512', '--pids-limit=100', '--blkio-weight=500', '-p', '8081:80'],
]

const keep = process.argv.includes('--keep')
const left = isSimulated
  ? 'vitrine --sim machine serve quickstart has http://127.0.0.1:8081/ answer on this computer'
  : `http://127.0.0.1:8081/ goes on answering until you say: vitrine rm -f ${name}`

async function quickstart(): Promise<void> {
  const prepared = await prepare()
  const image = prepared.kind === 'image' ? [prepared.reference] : ['--rootfs', '/:O']
  title('A web server in a container, with ceilings')
  show(['vitrine', 'run', ...flags, ...image, ...(prepared.kind === 'image' ? [] : prepared.command)])
  try {
    show(['vitrine', 'ps'])
    const container = running(name)
    proveLauncher(container)
    proveIdentities(container)
    proveKernel(container)
    await proveCeilings(container)
    await enforcePids(image)
    await enforceMemory(image)
    await enforceCpu(image)
    if (prepared.kind === 'image') {
      await proveOtherUser(prepared.otherUserReference)
      await proveTenAtOnce(image)
    }
  } finally {
    if (!keep) show(['vitrine', 'rm', '-f', '-i', name])
    if (!keep && isSimulated) execute(['vitrine', 'machine', 'rm', 'quickstart'])
  }
  title('All of it held.')
  if (keep) say(left)
}

if (!existsSync(join(import.meta.dirname, '../../node_modules'))) {
  say('the dependencies are not installed: run npm ci first')
  process.exit(125)
}
quickstart().catch((error: Error) => {
  console.error(`quickstart: ${error.message}`)
  process.exitCode = 1
})
