// Who may use which device: BPF programs on version 2, the devices controller on version 1. devices.rst, bpf(2)

import { beforeEach, describe, expect, it } from 'vitest'
import { deviceProgram } from '../../../core/cgroup/device-bpf.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call, errno, value } from '../../support/sim.ts'
import { fork, groupOf, makeGroup, pidOf, readFile, root, writeFile } from '../../support/sim-cgroups.ts'
import { become } from '../../support/sim-tasks.ts'

let init: Task

const device = (pathname: string, dev: number, who = init) =>
  errno(call(who, { name: 'mknod', pathname, mode: 0o20666, dev })) ?? 'OK'
const open = (who: Task, pathname: string, flags: number) =>
  errno(call(who, { name: 'open', pathname, flags, mode: 0 })) ?? 'OK'

describe('bpf(2)', () => {
  const load = (who: Task, insns: Uint8Array, type = 15) =>
    call(who, { name: 'bpf', cmd: 5, attr: { prog_type: type, insns, license: 'GPL' } })
  const attach = (fd: number, name: string, flags = 2, cmd = 8) => {
    const target = value(init, { name: 'open', pathname: `${root}/${name}`, flags: 0, mode: 0 })
    const attr = { target_fd: target, attach_bpf_fd: fd, attach_type: 6, attach_flags: flags }
    return errno(call(init, { name: 'bpf', cmd, attr })) ?? 'OK'
  }
  const rules = (...given: Parameters<typeof deviceProgram>[0]) => {
    const outcome = load(init, deviceProgram(given))
    if ('errno' in outcome) throw new Error(outcome.sentence)
    return outcome.value
  }
  /** struct bpf_insn */
  const program = (...instructions: [code: number, registers: number, offset: number, immediate: number][]) => {
    const bytes = new Uint8Array(instructions.length * 8)
    const view = new DataView(bytes.buffer)
    instructions.forEach(([code, registers, offset, immediate], index) => {
      view.setUint8(index * 8, code)
      view.setUint8(index * 8 + 1, registers)
      view.setInt16(index * 8 + 2, offset, true)
      view.setInt32(index * 8 + 4, immediate, true)
    })
    return bytes
  }
  const all = { type: 'a', major: null, minor: null, access: 'rwm' } as const
  const nothing = { ...all, allow: false } as const
  const null_ = { allow: true, type: 'c', major: 1, minor: 3, access: 'r' } as const

  beforeEach(() => {
    init = boot().init
    for (const name of ['a', 'a/b']) makeGroup(init, name)
    device('/dev/null', 0x103)
    device('/dev/zero', 0x105)
  })

  it('V1-009: a program on a cgroup judges opens and mknods of all below', () => {
    const child = fork(init, groupOf(init, 'a/b'))
    expect(attach(rules(nothing, null_), 'a')).toBe('OK')
    expect(open(child, '/dev/null', 0)).toBe('OK')
    expect(open(child, '/dev/null', 2)).toBe('EPERM')
    expect(open(child, '/dev/zero', 0)).toBe('EPERM')
    expect(errno(call(child, { name: 'access', pathname: '/dev/zero', mode: 4 }))).toBe('EPERM')
    expect(errno(call(child, { name: 'access', pathname: '/dev/null', mode: 4 }))).toBeUndefined()
    expect(device('/tmp/null', 0x103, child)).toBe('EPERM')
    expect(open(init, '/dev/zero', 2)).toBe('OK')
    writeFile(init, 'cgroup.procs', `${pidOf(child)}`)
    expect(open(child, '/dev/zero', 2)).toBe('OK')
  })

  it('all programs on the way up have to agree, when all were attached with BPF_F_ALLOW_MULTI', () => {
    const child = fork(init, groupOf(init, 'a/b'))
    attach(rules({ ...all, allow: true }), 'a/b')
    attach(rules(nothing, null_), 'a')
    expect(open(child, '/dev/zero', 0)).toBe('EPERM')
    expect(open(child, '/dev/null', 0)).toBe('OK')
  })

  it('without a flag nobody below attaches another', () => {
    expect(attach(rules(nothing), 'a', 0)).toBe('OK')
    expect(attach(rules(nothing), 'a/b', 0)).toBe('EPERM')
    expect(attach(rules(nothing), 'a', 2)).toBe('EPERM')
    expect(attach(rules(nothing), 'a', 3)).toBe('EINVAL')
  })

  it('what is detached judges no more', () => {
    const child = fork(init, groupOf(init, 'a'))
    const fd = rules(nothing)
    attach(fd, 'a')
    expect(attach(fd, 'a')).toBe('EINVAL')
    expect(open(child, '/dev/null', 0)).toBe('EPERM')
    expect(attach(fd, 'a', 0, 9)).toBe('OK')
    expect(attach(fd, 'a', 0, 9)).toBe('ENOENT')
    expect(open(child, '/dev/null', 0)).toBe('OK')
  })

  it('needs CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN', () => {
    const user = fork(init)
    become(user, { uid: 1000 })
    expect(errno(load(user, deviceProgram([nothing])))).toBe('EPERM')
    become(user, { uid: 1000, capabilities: 1n << 39n })
    expect(errno(load(user, deviceProgram([nothing])))).toBe('EPERM')
    become(user, { uid: 1000, capabilities: 1n << 21n })
    expect(errno(load(user, deviceProgram([nothing])))).toBeUndefined()
  })

  it('refuses programs that read what they have not written, or that do not end', () => {
    const refused = (...of: Parameters<typeof program>) => errno(load(init, program(...of)))
    expect(refused([0x95, 0, 0, 0])).toBe('EACCES')
    expect(refused([0xb7, 0, 0, 1])).toBe('EINVAL')
    expect(refused([0xb7, 0, 0, 1], [0x95, 0, 0, 0], [0x95, 0, 0, 0])).toBe('EINVAL')
    expect(refused([0x61, 0x10, 12, 0], [0x95, 0, 0, 0])).toBe('EACCES')
    expect(refused([0xb7, 0, 0, 1], [0x05, 0, 5, 0], [0x95, 0, 0, 0])).toBe('EINVAL')
    expect(refused()).toBe('E2BIG')
    expect(refused([0xb7, 0, 0, 1], [0x95, 0, 0, 0])).toBeUndefined()
  })
})

describe('the devices controller', () => {
  const list = (name: string) => readFile(init, `devices/${name}/devices.list`)
  const allow = (name: string, text: string) => writeFile(init, `devices/${name}/devices.allow`, text)
  const refuse = (name: string, text: string) => writeFile(init, `devices/${name}/devices.deny`, text)

  beforeEach(() => {
    init = boot({ cgroups: 'v1' }).init
    for (const name of ['devices/a', 'devices/a/b']) makeGroup(init, name)
    device('/dev/null', 0x103)
    device('/dev/zero', 0x105)
  })

  it('V1-009: begins with everything, and takes a default and exceptions', () => {
    makeGroup(init, 'devices/c')
    expect(list('c')).toBe('a *:* rwm\n')
    expect(refuse('c', 'a')).toBe('OK')
    expect(list('c')).toBe('')
    expect(allow('c', 'c 1:3 rwm')).toBe('OK')
    expect(list('c')).toBe('c 1:3 rwm\n')
    expect(allow('c', 'junk')).toBe('EINVAL')
    writeFile(init, 'devices/c/cgroup.procs', '0')
    expect([open(init, '/dev/null', 2), open(init, '/dev/zero', 0)]).toEqual(['OK', 'EPERM'])
    expect(device('/tmp/zero', 0x105)).toBe('EPERM')
    expect(refuse('c', 'c 1:3 w')).toBe('OK')
    expect([list('c'), open(init, '/dev/null', 0), open(init, '/dev/null', 1)]).toEqual(['c 1:3 rm\n', 'OK', 'EPERM'])
  })

  it('V1-009: what is forbidden above is forbidden below, and nothing more can be allowed there', () => {
    expect(refuse('a', 'a')).toBe('EINVAL')
    expect(refuse('a', 'c 1:5 rwm')).toBe('OK')
    writeFile(init, 'devices/a/b/cgroup.procs', '0')
    expect([open(init, '/dev/zero', 0), open(init, '/dev/null', 0)]).toEqual(['EPERM', 'OK'])
    expect(allow('a/b', 'c 1:5 r')).toBe('EPERM')
  })
})
