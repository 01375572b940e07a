// Devices of the host's network that go to a container. OCI config-linux.md, "Network Devices".

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect } from 'vitest'
import type { Spec } from '../../core/spec/types.ts'
import { needsOci, openRuntime } from '../support/bundle.ts'
import { until } from '../support/faults.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ ...needsOci('ip', 'nsenter'), links: ['veth'] })

const ip = (...words: string[]) => execFileSync('ip', words, { encoding: 'utf8' })
const device = 'vtmoved0'

describe('a network device of the host', () => {
  const runtime = openRuntime()
  const { run, ok, bundle } = runtime
  const withDevices = (
    args: readonly string[],
    netDevices: Record<string, { name?: string }>,
    more: Spec['linux'] = {},
  ) => bundle({ args }, (spec) => ({ ...spec, linux: { ...spec.linux, netDevices, ...more } }))
  afterEach(() => {
    // With the other end this one goes too, wherever it is.
    spawnSync('ip', ['link', 'delete', 'vtmoved1'], { stdio: 'ignore' })
  })

  it('goes to the container under another name, up, with its addresses and parameters', async () => {
    ip('link', 'add', device, 'mtu', '1400', 'type', 'veth', 'peer', 'vtmoved1')
    ip('address', 'add', '192.0.2.7/24', 'dev', device)
    ip('address', 'add', '192.0.2.9/32', 'dev', device)
    ip('address', 'add', '198.51.100.8/24', 'dev', device, 'scope', '253')
    ip('address', 'add', '2001:db8::7/64', 'dev', device, 'nodad')
    ip('address', 'add', '2001:db8::8/64', 'dev', device, 'valid_lft', '500', 'preferred_lft', '500')
    ip('link', 'set', device, 'up')
    const path = withDevices(
      ['sh', '-c', 'ip link show dev web0; ip address show dev web0; cat /proc/sys/net/ipv4/conf/web0/forwarding'],
      { [device]: { name: 'web0' } },
      { sysctl: { 'net.ipv4.conf.web0.forwarding': '1' } },
    )
    const shown = await ok(['run', '-b', path, 'web'])
    expect(shown).toMatch(/web0@\S+: <[^>]*\bUP\b[^>]*> mtu 1400/)
    expect(shown.match(/inet6? (?!fe80)\S+/g)).toEqual([
      'inet 192.0.2.7/24',
      'inet 192.0.2.9/32',
      'inet6 2001:db8::7/64',
    ])
    expect(shown).toMatch(/\n1$/)
    expect(spawnSync('ip', ['link', 'show', device]).status).not.toBe(0)
  })

  it('is there for hooks, keeps its name when it gets no other, and stays in a namespace that is joined', async () => {
    ip('link', 'add', device, 'type', 'veth', 'peer', 'vtmoved1')
    const owner = spawn('unshare', ['-n', 'sleep', '1000'], { stdio: 'ignore' })
    try {
      const other = `/proc/${owner.pid}/ns/net`
      await until('it has a network namespace', async () => readlinkSync(other) !== readlinkSync('/proc/self/ns/net'))
      const looks = ['-t', String(owner.pid), '-n', 'ip', 'link', 'show', 'dev', device]
      const seen = join(runtime.directory, 'seen')
      const hook = {
        path: '/bin/sh',
        args: ['sh', '-c', `nsenter ${looks.join(' ')} >${seen}`],
        env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
      }
      const path = bundle({ args: ['ip', 'link', 'show', 'dev', device] }, (spec) => ({
        ...spec,
        hooks: { createRuntime: [hook] },
        linux: {
          ...spec.linux,
          netDevices: { [device]: {} },
          namespaces: spec.linux!.namespaces!.map((each) =>
            each.type === 'network' ? { ...each, path: other } : each,
          ),
        },
      }))
      expect(await ok(['run', '-b', path, 'web'])).toContain(`${device}@`)
      expect(readFileSync(seen, 'utf8')).toContain(`${device}@`)
      expect(execFileSync('nsenter', looks, { encoding: 'utf8' })).toContain(`${device}@`)
    } finally {
      owner.kill('SIGKILL')
    }
  })

  it('gets a number from the kernel where the name has %d', async () => {
    ip('link', 'add', device, 'type', 'veth', 'peer', 'vtmoved1')
    const path = withDevices(['ip', '-o', 'link'], { [device]: { name: 'web%d' } })
    expect(await ok(['run', '-b', path, 'web'])).toMatch(/: web0@\S+: <[^>]*\bUP\b/)
  })

  it('that is not there, or whose name is taken or none, is refused by name, and left as it was', async () => {
    const refused = async (netDevices: Record<string, { name?: string }>, more: Spec['linux'] = {}) => {
      const { code, stderr } = await run(['run', '-b', withDevices(['true'], netDevices, more), 'web'])
      expect(code).toBe(1)
      return stderr.trim()
    }
    expect(await refused({ vtnowhere: {} })).toBe(
      'vitrine-oci: linux.netDevices: vtnowhere: there is no such network device',
    )
    ip('link', 'add', device, 'type', 'veth', 'peer', 'vtmoved1')
    ip('link', 'set', device, 'up')
    expect(await refused({ [device]: { name: 'lo' } })).toBe(
      `vitrine-oci: linux.netDevices: ${device}: the container's network namespace has a network device lo already`,
    )
    expect(await refused({ [device]: { name: 'a/b' } })).toBe(
      'vitrine-oci: linux.netDevices: a/b: is no name of a network device',
    )
    expect(await refused({ [device]: {} }, { namespaces: [{ type: 'mount' }, { type: 'pid' }, { type: 'uts' }] })).toBe(
      `vitrine-oci: linux.netDevices: ${device}: stays on the host; a container needs a network namespace to be given a device`,
    )
    expect(await refused({ lo: { name: 'lo1' } })).toMatch(
      /^vitrine-oci: linux\.netDevices: lo: move it to the container's network namespace.*: EINVAL/,
    )
    expect(ip('link', 'show', 'dev', device)).toMatch(/<[^>]*\bUP\b/)
    expect(ip('link', 'show', 'dev', 'lo')).toMatch(/<[^>]*\bUP\b/)
    expect(await ok(['list', '-q'])).toBe('')
  })
})
