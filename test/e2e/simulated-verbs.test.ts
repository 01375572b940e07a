// Every verb, once, on one simulated machine, in the order in which somebody could type them; and that the log alone leads there again.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { cli } from '../support/cli.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ anyKernel: true })

const id = /^[0-9a-f]{64}\n$/
const script = 'trap "exit 3" TERM; echo $GREETING; echo x >/data/f; while :; do sleep 0.1; done'

/** What is typed, what comes out, and the exit code where it is not 0. */
const session: readonly (readonly [words: readonly string[], output: RegExp, code?: number])[] = [
  [['create', '--name', 'web', '-e', 'GREETING', '-v', 'data:/data', 'busybox', 'sh', '-c', script], id],
  [['start', 'web'], /^web\n$/],
  [['ps', '--format', '{{.Names}} {{.State}}'], /^web running\n$/],
  [['container', 'list', '-q'], /^[0-9a-f]{12}\n$/],
  [['container', 'ls', '-q'], /^[0-9a-f]{12}\n$/],
  [['logs', 'web'], /^hello\n$/],
  [['exec', 'web', 'cat', '/data/f'], /^x\n$/],
  [['top', 'web', 'pid', 'comm'], /^PID +COMMAND\n1 +sh\n\d+ +sleep\n$/],
  [['stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}', 'web'], /^web 2\n$/],
  [['update', '--memory=64m', '--pids-limit=30', 'web'], id],
  [['inspect', '--format', '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}', 'web'], /^67108864 30\n$/],
  [['exec', 'web', 'sh', '-c', 'cd /sys/fs/cgroup; cat memory.max pids.max; echo new >/etc/new'], /^67108864\n30\n$/],
  [['diff', 'web'], /^C \/etc\nA \/etc\/new\n$/],
  [['pause', 'web'], /^web\n$/],
  [['container', 'inspect', '--format', '{{.State.Status}}', 'web'], /^paused\n$/],
  [['unpause', 'web'], /^web\n$/],
  [['kill', '-s', 'TERM', 'web'], /^web\n$/],
  [['wait', 'web'], /^3\n$/],
  [['restart', '-t', '1', 'web'], /^web\n$/],
  [['stop', '-t', '0', 'web'], /^web\n$/],
  [['export', '-o', '/root/web.tar', 'web'], /^$/],
  [['import', '/root/web.tar', 'localhost/flat'], /^sha256:[0-9a-f]{64}\n$/],
  [['commit', '-q', 'web', 'localhost/mine'], id],
  [['tag', 'localhost/mine', 'localhost/mine:2'], /^$/],
  [['untag', 'localhost/mine', 'localhost/mine:2'], /^$/],
  [['images', '-q', 'localhost/mine'], /^[0-9a-f]{12}\n$/],
  [['image', 'list', '-q', 'localhost/flat'], /^[0-9a-f]{12}\n$/],
  [['image', 'ls', '-q', 'localhost/flat'], /^[0-9a-f]{12}\n$/],
  [['history', '-q', 'localhost/mine'], /^[0-9a-f]{12}\n/],
  [['image', 'tree', 'localhost/mine'], /localhost\/mine:latest/],
  [['image', 'exists', 'localhost/mine'], /^$/],
  [['image', 'exists', 'none'], /^$/, 1],
  [['save', '-o', '/root/mine.tar', 'localhost/mine'], /^$/],
  [['rmi', 'localhost/mine'], /localhost\/mine:latest/],
  [['load', '-i', '/root/mine.tar'], /localhost\/mine:latest\n$/],
  [['run', '--rm', 'localhost/mine', 'cat', '/etc/new'], /^new\n$/],
  [['run', '--rm', '--init', 'busybox', 'ps', '-o', 'pid,comm'], /^ *PID COMMAND\n +1 vitrine-init\n +\d+ ps\n$/],
  [['volume', 'create', 'other'], /^other\n$/],
  [['volume', 'list', '-q'], /^data\nother\n$/],
  [['volume', 'ls', '-q'], /^data\nother\n$/],
  [['volume', 'inspect', '--format', '{{.Name}}', 'other'], /^other\n$/],
  [['volume', 'exists', 'none'], /^$/, 1],
  [['volume', 'export', '-o', '/root/v.tar', 'data'], /^$/],
  [['volume', 'import', 'other', '/root/v.tar'], /^$/],
  [['run', '--rm', '-v', 'other:/o', 'busybox', 'cat', '/o/f'], /^x\n$/],
  [['volume', 'rm', 'other'], /^other\n$/],
  [['volume', 'create', 'third'], /^third\n$/],
  [['volume', 'remove', 'third'], /^third\n$/],
  [['volume', 'prune', '-f'], /^$/],
  [['system', 'df', '--format', '{{.Type}} {{.Total}}'], /^Images 5\nContainers 1\nLocal Volumes 1\n$/],
  [['system', 'info', '--format', '{{.host.kernel}}'], /^sim\n$/],
  [['info', '--format', '{{.host.hostname}}'], /^machine\n$/],
  [['rm', '-f', 'web'], /^web\n$/],
  [['container', 'prune', '-f'], /^$/],
  [['image', 'prune', '-f'], /^$/],
  [['system', 'prune', '-f'], /^Total reclaimed space: /],
  [
    ['pull', '-q', '127.0.0.1:1/x'],
    /^vitrine: pull 127\.0\.0\.1:1\/x:latest: connect to .*: connection refused\n$/,
    125,
  ],
  [['push', 'busybox', '127.0.0.1:1/x'], /connect to 127\.0\.0\.1:1: connection refused\n$/, 125],
  [['search', '127.0.0.1:1/x'], /connect to 127\.0\.0\.1:1: connection refused\n$/, 125],
  [['login', '-u', 'a', '-p', 'b', '127.0.0.1:1'], /connect to 127\.0\.0\.1:1: connection refused\n$/, 125],
  [['logout', '127.0.0.1:1'], /^vitrine: not logged into 127\.0\.0\.1:1\n$/, 125],
  [['version', '--format', '{{.Client.Version}}'], /^\d+\.\d+\.\d+\n$/],
  [['help', 'image', 'tree'], /^Usage: vitrine image tree/],
  [['sim', 'features'], /^CALL +LEVEL +NOTE\naccept4 +full\n/],
  [['sim', 'play', '/dev/null'], /^0 calls: 0 agree/],
  [['machine', 'ssh', 'default', 'cat /proc/1/comm; hostname'], /^init\nmachine\n$/],
  [['machine', 'ssh', 'default', 'exit 9'], /^$/, 9],
  [['ps', '-aq'], /^$/],
]

/** The names of verbs in a help text, by the words before them. */
async function verbsOf(...group: readonly string[]): Promise<string[]> {
  const { stdout } = await cli([...group, '--help'])
  const groups = /^Groups .*\n((?: {2}.*\n)+)/m.exec(stdout)?.[1] ?? ''
  const names = (text: string) => [...text.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name]) => name!)
  const own = names(stdout.replace(groups, '')).map((name) => [...group, name].join(' '))
  return [...own, ...(await Promise.all(names(groups).map((name) => verbsOf(name)))).flat()]
}

/** The same under a group: `container rm` is `rm`. */
const plain = (verb: string) => verb.replace(/^(container|image|system) (?!ls|list|exists|tree|prune|df)/, '')

describe('every verb with --sim', () => {
  it(
    'does what it does on Linux, and without its states the machine replays to the same',
    () =>
      withTemporaryDirectory(async (directory) => {
        const env = { GREETING: 'hello' }
        for (const [words, output, code = 0] of session) {
          const ran = await cli(['--root', directory, '--sim', ...words], { env })
          expect({ code: ran.code, words }, ran.stderr).toEqual({ code, words })
          expect
            .soft(code === 125 ? ran.stderr.split('\n').slice(-2).join('\n') : ran.stdout, words.join(' '))
            .toMatch(output)
        }
        rmSync(join(directory, 'machines/default.states'), { recursive: true, force: true })
        expect(await cli(['--root', directory, '--sim', 'ps', '-aq'])).toEqual({ code: 0, stdout: '', stderr: '' })
      }),
    180_000,
  )

  it('is in this list', async () => {
    const typed = new Set(session.flatMap(([words]) => [words[0]!, words.slice(0, 2).join(' ')]))
    const all = await verbsOf()
    expect(all).toContain('container rm')
    const missing = all.filter((verb) => !typed.has(verb) && !typed.has(plain(verb)))
    expect(missing).toEqual([])
  })
})
