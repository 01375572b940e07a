// An image that does not run as root, and ten containers of one image at once.

import { proveAnswer } from './proofs.ts'
import { claim, show, title } from './shell.ts'

export async function proveOtherUser(reference: string): Promise<void> {
  title('An image that runs as another user than root')
  const name = 'httpd-1001'
  try {
    show(['vitrine', 'run', '-d', '--replace', '--name', name, '-p', '8082:8080', reference])
    const { stdout } = show(['vitrine', 'exec', name, 'id'])
    claim(stdout.includes('uid=1001'), 'it runs as user 1001')
    await proveAnswer('127.0.0.1:8082')
  } finally {
    show(['vitrine', 'rm', '-f', '-i', name], { quiet: true })
  }
}

export async function proveTenAtOnce(image: readonly string[]): Promise<void> {
  title('Ten containers of one image')
  const names = Array.from({ length: 10 }, (_, i) => `httpd-${i + 1}`)
  try {
    for (const name of names) show(['vitrine', 'run', '-d', '--replace', '--name', name, ...image], { quiet: true })
    const table = show(['vitrine', 'ps', '--format', 'table {{.ID}}\t{{.Names}}\t{{.Status}}']).stdout
    claim(
      names.every((name) => table.includes(name)),
      'ten are running, and share the layers of one image',
    )
    const format = '{{.NetworkSettings.IPAddress}}'
    const addresses = names.map((name) =>
      show(['vitrine', 'inspect', '--format', format, name], { quiet: true }).stdout.trim(),
    )
    claim(new Set(addresses).size === 10, `each has an address of its own: ${addresses[0]} to ${addresses[9]}`)
    await proveAnswer(addresses[9]!)
  } finally {
    show(['vitrine', 'rm', '-f', '-i', ...names], { quiet: true })
  }
}
