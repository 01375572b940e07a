// The manager of systemd over D-Bus, at a bus that a test plays: what is asked, in which order, and what is said of refusals.

import { describe, expect, it } from 'vitest'
import { type Message, messageType } from '../../../core/dbus/message.ts'
import { Manager } from '../../../core/systemd/manager.ts'
import { type FakeBus, hostWithBus } from '../../support/fake-bus.ts'

const job = '/org/freedesktop/systemd1/job/1'
const answerTo = ({ serial }: Message, signature = '', body: Message['body'] = []): Omit<Message, 'serial'> => ({
  type: messageType.answer,
  replySerial: serial,
  ...(signature && { signature }),
  body,
})
const errorTo = ({ serial }: Message, errorName: string, text: string): Omit<Message, 'serial'> => ({
  type: messageType.error,
  replySerial: serial,
  errorName,
  signature: 's',
  body: [text],
})
const removed = (path: string, result: string): Omit<Message, 'serial'> => ({
  type: messageType.signal,
  path: '/org/freedesktop/systemd1',
  interface: 'org.freedesktop.systemd1.Manager',
  member: 'JobRemoved',
  signature: 'uoss',
  body: [1, path, 'web.scope', result],
})

/** A systemd whose jobs end with a result; what it is asked beside is as `more` says. */
function systemd(
  result: string,
  more: (message: Message) => ReturnType<FakeBus['answer']> | undefined = () => undefined,
): FakeBus {
  return {
    // In the middle of everything.
    readBytes: 11,
    answer: (message) => {
      const special = more(message)
      if (special !== undefined) return special
      if (message.member === 'Get') return [answerTo(message, 'v', [{ signature: 's', value: '/' }])]
      if (message.member === 'Hello') return [answerTo(message, 's', [':1.5'])]
      // Another's job first; the own one may end before its number is told.
      if (message.member === 'StartTransientUnit' || message.member === 'StopUnit')
        return [removed(`${job}0`, 'failed'), removed(job, result), answerTo(message, 'o', [job])]
      return [answerTo(message)]
    },
  }
}

describe('the manager of systemd', () => {
  it('makes a unit, and waits for the result of its job', async () => {
    const { host, asked, connected } = hostWithBus(systemd('done'))
    const manager = await Manager.open(host)
    expect(manager.controlGroup).toBe('/')
    await manager.startTransient('web.scope', [['PIDs', { signature: 'au', value: [7] }]])
    expect(connected).toEqual(['/run/dbus/system_bus_socket'])
    expect(asked.map(({ member }) => member)).toEqual(['Hello', 'Get', 'AddMatch', 'Subscribe', 'StartTransientUnit'])
    expect(asked.at(-1)?.body).toEqual(['web.scope', 'fail', [['PIDs', { signature: 'au', value: [7] }]], []])
  })

  it('forgets a unit that could not be started', async () => {
    const { host, asked } = hostWithBus(systemd('failed'))
    const manager = await Manager.open(host)
    await expect(manager.startTransient('web.scope', [])).rejects.toThrow(
      'have systemd make web.scope: its start ended with failed: see journalctl',
    )
    expect(asked.at(-1)?.member).toBe('ResetFailedUnit')
  })

  it('makes one again whose name a failed one has', async () => {
    let tries = 0
    const exists = (message: Message) =>
      message.member === 'StartTransientUnit' && tries++ === 0
        ? [errorTo(message, 'org.freedesktop.systemd1.UnitExists', 'Unit web.scope already exists.')]
        : undefined
    const { host, asked } = hostWithBus(systemd('done', exists))
    await (await Manager.open(host)).startTransient('web.scope', [])
    expect(asked.slice(-2).map(({ member }) => member)).toEqual(['ResetFailedUnit', 'StartTransientUnit'])
  })

  it('says what systemd does not take', async () => {
    const { host } = hostWithBus(
      systemd('done', (message) =>
        message.member === 'SetUnitProperties' || message.member === 'StartTransientUnit'
          ? [errorTo(message, 'org.freedesktop.DBus.Error.PropertyReadOnly', 'Cannot set property X.')]
          : undefined,
      ),
    )
    const manager = await Manager.open(host)
    await expect(manager.startTransient('web.scope', [])).rejects.toThrow('have systemd make web.scope: Cannot set')
    await expect(manager.setProperties('web.scope', [])).rejects.toThrow('have systemd change web.scope: Cannot set')
  })

  it('stops a unit, and takes one that is gone for stopped', async () => {
    const gone = (message: Message) =>
      message.member === 'StopUnit' || message.member === 'ResetFailedUnit'
        ? [errorTo(message, 'org.freedesktop.systemd1.NoSuchUnit', 'Unit web.scope not loaded.')]
        : undefined
    const { host, asked } = hostWithBus(systemd('done', gone))
    await (await Manager.open(host)).stop('web.scope')
    expect(asked.slice(-2).map(({ member }) => member)).toEqual(['StopUnit', 'ResetFailedUnit'])
  })

  it('is found without a bus by root, and at the bus of the session by others', async () => {
    const root = hostWithBus({ ...systemd('done'), absent: ['/run/dbus/system_bus_socket'] })
    await (await Manager.open(root.host)).stop('web.scope')
    expect(root.connected).toEqual(['/run/systemd/private'])
    expect(root.asked.map(({ member }) => member)).not.toContain('AddMatch')
    const session = hostWithBus(systemd('done'), { uid: 7, variables: { XDG_RUNTIME_DIR: '/run/user/7' } })
    await Manager.open(session.host)
    expect(session.connected).toEqual(['/run/user/7/bus'])
    const named = hostWithBus(systemd('done'), { uid: 7, variables: { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/there' } })
    await Manager.open(named.host)
    expect(named.connected).toEqual(['/there'])
  })

  it('is refused in one sentence where nobody answers', async () => {
    const open = (bus: FakeBus, more = {}) => Manager.open(hostWithBus(bus, more).host)
    const places = ['/run/dbus/system_bus_socket', '/run/systemd/private']
    await expect(open({ ...systemd('done'), absent: places })).rejects.toThrow(
      'no systemd answers: connect to unix:path=/run/systemd/private: ENOENT (no such file or directory): use cgroups by cgroupfs, or start systemd and its D-Bus',
    )
    await expect(open(systemd('done'), { uid: 7 })).rejects.toThrow(
      'neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR',
    )
    await expect(open({ ...systemd('done'), authentication: 'REJECTED EXTERNAL' })).rejects.toThrow('REJECTED EXTERNAL')
    await expect(open({ answer: () => [] })).rejects.toThrow('does not answer within 25 seconds')
    const without = (message: Message) =>
      message.member === 'Get'
        ? [errorTo(message, 'org.freedesktop.DBus.Error.ServiceUnknown', 'The name is not activatable')]
        : undefined
    await expect(open(systemd('done', without))).rejects.toThrow('The name is not activatable')
  })
})
