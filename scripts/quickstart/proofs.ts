// The four proofs: who launched it, one process with two identities, one kernel, and the ceilings.

import { ceilings, cgroupFile, readCgroup } from './cgroup-files.ts'
import { nowMs, ownPid, readLinks, readText, sleep } from './place.ts'
import { claim, say, show, title } from './shell.ts'

export interface Running {
  readonly name: string
  readonly pid: number
  readonly monitorPid: number
}

const statusOf = (pid: number, field: string): string =>
  new RegExp(`^${field}:\\s+(.*)$`, 'm').exec(readText(`/proc/${pid}/status`))?.[1] ?? ''

export function running(name: string): Running {
  const format = '{{.State.Pid}} {{.State.MonitorPid}}'
  const [pid, monitorPid] = show(['vitrine', 'inspect', '--format', format, name], { quiet: true }).stdout.split(' ')
  return { name, pid: Number(pid), monitorPid: Number(monitorPid) }
}

export function proveLauncher({ pid, monitorPid }: Running): void {
  title('1. Who launched it: a monitor of a few kilobytes; the launcher is gone')
  show(['ps', '-o', 'pid,ppid,rss,args', '-p', `${monitorPid},${pid}`])
  claim(Number(statusOf(pid, 'PPid')) === monitorPid, `the container's parent is the monitor, ${monitorPid}`)
  const launcher = Number(statusOf(monitorPid, 'PPid'))
  claim(launcher !== ownPid(), `the monitor's parent is ${launcher}, not the command that you typed: that has ended`)
}

/** A kernel built without time namespaces has no such file for `time`. */
const namespaceKinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts']

export function proveIdentities({ name, pid }: Running): void {
  title('2. One process, two identities')
  const inside = show(['nsenter', '-t', String(pid), '-p', '-m', 'ps', '-ef']).stdout
  show(['vitrine', 'top', name])
  const pidsInside = statusOf(pid, 'NSpid').split('\t')
  say(`$ grep NSpid /proc/${pid}/status\nNSpid:\t${pidsInside.join('\t')}`)
  claim(pidsInside.at(-1) === '1' && Number(pidsInside[0]) === pid, `it is ${pid} on the host and 1 inside`)
  const topPids = show(['vitrine', 'top', name, 'pid'], { quiet: true }).stdout.trim().split('\n').slice(1)
  const psPids = inside
    .trim()
    .split('\n')
    .slice(1)
    .filter((line) => !line.includes('ps -ef'))
  claim(
    topPids.every((each) => psPids.some((line) => line.trim().split(/\s+/).includes(each.trim()))),
    'ps through the namespaces and vitrine top see the same processes',
  )
  say('namespace          container                    host')
  const links = readLinks([pid, 'self'].flatMap((each) => namespaceKinds.map((kind) => `/proc/${each}/ns/${kind}`)))
  for (const kind of namespaceKinds) {
    const [own, host] = [pid, 'self'].map((each) => links.get(`/proc/${each}/ns/${kind}`))
    if (host === undefined) continue
    say(`  ${kind.padEnd(14)} ${own!.padEnd(28)} ${host}${own === host ? '   (shared)' : ''}`)
  }
  const own = (kind: string) => links.get(`/proc/${pid}/ns/${kind}`) !== links.get(`/proc/self/ns/${kind}`)
  claim(['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'].every(own), 'six namespaces are its own')
  const hostNameOf = (target: number, codes: readonly number[] = []) =>
    show(['nsenter', '-t', String(target), '-u', '-p', '-m', 'hostname'], { codes })
  let onHost = hostNameOf(1, [1])
  if (onHost.code !== 0) {
    say("  (this host's PID 1 has capabilities that we lack, so a process of ours stands for the host)")
    onHost = hostNameOf(ownPid())
  }
  claim(onHost.stdout !== hostNameOf(pid).stdout, 'nsenter leads to one host name or the other')
}

export function proveKernel({ name, pid }: Running): void {
  title('3. One kernel: the same uname, but for the host name')
  const host = show(['uname', '-a']).stdout.trim().split(' ')
  const inside = show(['vitrine', 'exec', name, 'uname', '-a']).stdout.trim().split(' ')
  const release = (words: readonly string[]) => [words[0], words[2], ...words.slice(3, 10)].join(' ')
  claim(release(host).startsWith(release(inside).slice(0, 40)), 'kernel, release and build are equal')
  claim(host[1] !== inside[1], `the host name is not: ${host[1]} and ${inside[1]}`)
  claim(nowMs() > 0 && pid > 1, 'no second kernel was started: the container is a process of this one')
}

export async function proveCeilings({ pid }: Running): Promise<void> {
  title('4. The ceilings: for every flag a file, read through /proc/PID/cgroup')
  show(['cat', `/proc/${pid}/cgroup`])
  say('flag                   file and content                                           the same for PID 1')
  for (const { flag, controller, files, expected } of ceilings()) {
    const { name, content } = cgroupFile(pid, controller, files) ?? {}
    const host = readCgroup(1, controller, files) ?? 'no such file at the root'
    say(`  ${flag.padEnd(20)} ${`${name} = ${content}`.padEnd(58)} ${host}`)
    claim(content?.split('\n')[0] === expected, `${flag} is ${expected}`)
  }
  await proveAnswer('127.0.0.1:8081')
}

/** The server answers; it is given a moment to start. */
export async function proveAnswer(address: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { code } = show(['curl', '-s', '-o', '/dev/null', `http://${address}/`], {
      quiet: true,
      codes: [7, 28, 52, 56],
    })
    if (code === 0) break
    await sleep(100)
  }
  const { stdout } = show(['curl', '-s', '-i', `http://${address}/`], { lines: 4 })
  claim(/^HTTP\/1\.[01] 200/.test(stdout), `the web server answers on ${address}`)
}
