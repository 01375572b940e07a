// Flags about rights: capabilities, --privileged, every kind of --security-opt. capabilities(7), seccomp(2), podman-run(1)

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { skipUnless } from '../support/needs.ts'
import { image, needsContainers, openSession } from '../support/session.ts'

const { describe, it } = skipUnless(needsContainers)

const bit = (sets: string, set: string, number: number): boolean => {
  const word = new RegExp(`^${set}:\\s+([0-9a-f]+)`, 'm').exec(sets)![1]!
  return ((BigInt(`0x${word}`) >> BigInt(number)) & 1n) === 1n
}
const CAP_CHOWN = 0
const CAP_SETUID = 7
const CAP_NET_ADMIN = 12
const CAP_SYS_ADMIN = 21
const status = 'cat /proc/self/status'

describe('the rights of a container', () => {
  const { directory, run, ok, inside, waiting, field, remove } = openSession()

  it("are podman's eleven capabilities, and those of --cap-add, without those of --cap-drop", async () => {
    const usual = await inside([], status)
    expect(/^CapEff:\s+(\w+)/m.exec(usual)?.[1]).toBe('00000000800405fb')
    expect(/^CapBnd:\s+(\w+)/m.exec(usual)?.[1]).toBe('00000000800405fb')
    const changed = await inside(['--cap-add=NET_ADMIN', '--cap-drop', 'cap_chown,SETUID'], status)
    for (const set of ['CapEff', 'CapBnd', 'CapPrm']) {
      expect(bit(changed, set, CAP_NET_ADMIN)).toBe(true)
      expect(bit(changed, set, CAP_CHOWN)).toBe(false)
      expect(bit(changed, set, CAP_SETUID)).toBe(false)
    }
    expect(await inside(['--cap-drop=all', '--cap-add=chown'], `${status} | grep CapEff`)).toMatch(/\t0{15}1$/)
  })

  it('are with --cap-add=all and --privileged all that the caller has', async () => {
    const own = /^CapBnd:\s+(\w+)/m.exec(await ok(['run', '--rm', '--cap-add=all', image, 'cat', '/proc/self/status']))
    const privileged = await inside(['--privileged'], status)
    expect(/^CapEff:\s+(\w+)/m.exec(privileged)?.[1]).toBe(own?.[1])
    expect(bit(privileged, 'CapEff', CAP_SYS_ADMIN)).toBe(true)
    expect(privileged).toMatch(/^Seccomp:\t0$/m)
  })

  it('are with --privileged also the devices of the host, and nothing hidden or read-only', async () => {
    const script =
      'ls /dev; mount -t tmpfs none /mnt 2>&1 || (mkdir -p /mnt; mount -t tmpfs none /mnt); grep " /sys " /proc/mounts'
    const shown = (await inside(['--privileged'], script)).split('\n')
    expect(shown).toContain('fuse')
    expect(shown).toContain('kmsg')
    expect(shown.at(-1)).toMatch(/sysfs rw/)
    expect(await inside(['--privileged'], 'grep -c " /proc/[a-z]" /proc/mounts || true')).toBe('0')
  })

  it('of another user are none, but those that were added by name', async () => {
    expect(await inside(['-u', '1001'], `${status} | grep CapEff`)).toMatch(/\t0{16}$/)
    expect(await inside(['-u', '1001', '--cap-add=chown'], `${status} | grep CapEff`)).toMatch(/\t0{15}1$/)
  })

  it('are filtered by seccomp, unless --security-opt seccomp=unconfined', async () => {
    const own = ['--rootfs', '/:O', 'sh', '-c', 'grep Seccomp: /proc/self/status; setarch -R echo made']
    const filtered = await run(['run', '--rm', '--network=none', ...own])
    expect(filtered.stdout).toBe('Seccomp:\t2\n')
    expect(filtered.stderr).toContain('failed to set personality')
    expect(await ok(['run', '--rm', '--network=none', '--security-opt', 'seccomp=unconfined', ...own])).toBe(
      'Seccomp:\t0\nmade',
    )
  })

  it('are filtered by the profile of --security-opt seccomp=FILE', async () => {
    const profile = join(directory, 'seccomp.json')
    const rule = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 93 }
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] }))
    const script = 'mkdir /tmp/x 2>&1; touch /tmp/y && echo fine'
    const text = await inside([`--security-opt=seccomp=${profile}`], script)
    expect(text).toMatch(/Protocol not supported\nfine$/)
    expect((await run(['run', '--rm', '--security-opt=seccomp=/nothing', image, 'true'])).code).toBe(125)
  })

  it('cannot grow with --security-opt no-new-privileges', async () => {
    expect(await inside([], 'grep NoNewPrivs /proc/self/status')).toBe('NoNewPrivs:\t0')
    expect(await inside(['--security-opt=no-new-privileges'], 'grep NoNewPrivs /proc/self/status')).toBe(
      'NoNewPrivs:\t1',
    )
  })

  it('hide paths by --security-opt mask=, and show them by unmask=', async () => {
    const script =
      'wc -c </proc/timer_list; wc -c </etc/passwd; ls /var | wc -l; (: >/proc/sysrq-trigger) 2>/dev/null || echo no'
    expect((await inside([], script)).split('\n')[0]).toBe('0')
    expect(await inside(['--security-opt=mask=/etc/passwd:/var'], script)).toMatch(/^0\n0\n0\nno$/)
    const one = await inside(['--security-opt', 'unmask=/proc/timer_list'], 'grep -c timer_list /proc/mounts || true')
    expect(one).toBe('0')
    const all = await inside(['--security-opt=unmask=ALL'], 'grep -c " /proc/[a-z]" /proc/mounts || true')
    expect(all).toBe('0')
    expect(await inside(['--security-opt=systempaths=unconfined'], 'grep -c " /proc/[a-z]" /proc/mounts || true')).toBe(
      '0',
    )
  })

  it('take label=disable and apparmor=unconfined, and refuse what this host cannot enforce', async () => {
    expect(await inside(['--security-opt=label=disable', '--security-opt=apparmor=unconfined'], 'echo fine')).toBe(
      'fine',
    )
    const label = await run(['run', '--rm', '--security-opt=label=type:x', image, 'true'])
    expect(label).toMatchObject({ code: 125 })
    expect(label.stderr).toContain('SELinux')
    expect((await run(['run', '--rm', '--security-opt=apparmor=strict', image, 'true'])).stderr).toContain('AppArmor')
    expect((await run(['run', '--rm', '--security-opt=nonsense', image, 'true'])).stderr).toContain('nonsense')
  })

  it('are told by inspect and top', async () => {
    await waiting('told', ['--cap-add=NET_ADMIN', '--security-opt=no-new-privileges'])
    expect(await field('told', '{{.HostConfig.CapAdd}} {{.HostConfig.SecurityOpt}} {{.HostConfig.Privileged}}')).toBe(
      '[CAP_NET_ADMIN] [no-new-privileges] false',
    )
    expect(await field('told', '{{join .EffectiveCaps " "}}')).toContain('CAP_NET_ADMIN')
    expect(await ok(['top', 'told', 'capeff', 'seccomp'])).toMatch(/EFFECTIVE CAPS +SECCOMP\n\w{16} +filter/)
    await remove('told')
  })
})
