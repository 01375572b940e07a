// The manager of systemd, spoken to over D-Bus: makes, changes and stops units. org.freedesktop.systemd1(5).

import { socketsOf } from '../dbus/address.ts'
import { BusError, type Call, Connection } from '../dbus/connection.ts'
import type { Value, Variant } from '../dbus/signature.ts'
import type { Host } from '../engine/host.ts'
import { UserError } from '../errors.ts'
import { readTextIfThere } from '../files.ts'
import type { Property } from './properties.ts'

const systemd = 'org.freedesktop.systemd1'
const managerPath = '/org/freedesktop/systemd1'
const managerInterface = `${systemd}.Manager`
const bus = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const

type BusHost = Pick<Host, 'kernel' | 'environment' | 'monotonicNs'>

interface Place {
  readonly address: string
  /** systemd itself listens there, and no bus is between. */
  readonly direct: boolean
}

/** Whether the units are those of a user's own manager: nobody but the host's root has a say in the system's. */
export function isUsersManager({ kernel, environment }: Pick<Host, 'kernel' | 'environment'>): boolean {
  if (environment.uid !== 0) return true
  // The host's own user namespace maps all ids to themselves. user_namespaces(7)
  const map = readTextIfThere(kernel, '/proc/self/uid_map')?.trim().split(/\s+/)
  return map !== undefined && map.join(' ') !== '0 0 4294967295'
}

function placesOf(host: BusHost): Place[] {
  const { variables } = host.environment
  if (!isUsersManager(host))
    return [
      { address: variables.DBUS_SYSTEM_BUS_ADDRESS || 'unix:path=/run/dbus/system_bus_socket', direct: false },
      { address: 'unix:path=/run/systemd/private', direct: true },
    ]
  const directory = variables.XDG_RUNTIME_DIR
  const session = variables.DBUS_SESSION_BUS_ADDRESS || (directory && `unix:path=${directory}/bus`)
  return [
    ...(session ? [{ address: session, direct: false }] : []),
    ...(directory ? [{ address: `unix:path=${directory}/systemd/private`, direct: true }] : []),
  ]
}

export class Manager {
  /** Where the manager's own cgroup is: that of its units are below. */
  readonly controlGroup: string
  readonly #connection: Connection

  readonly #direct: boolean
  #listening = false

  private constructor(connection: Connection, direct: boolean, controlGroup: string) {
    this.#connection = connection
    this.#direct = direct
    this.controlGroup = controlGroup
  }

  /**
   * The system's manager for root, otherwise the user's own.
   *
   * @errors UserError when no systemd answers
   */
  static async open(host: BusHost): Promise<Manager> {
    let refusal = 'neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR says where the bus of this user is'
    for (const { address, direct } of placesOf(host)) {
      for (const addr of socketsOf(address)) {
        let connection: Connection | undefined
        try {
          connection = await Connection.open(host, addr, address)
          if (!direct) await connection.call({ ...bus, member: 'Hello' })
          return new Manager(connection, direct, await Manager.#controlGroupOf(connection))
        } catch (error) {
          connection?.close()
          if (!(error instanceof UserError)) throw error
          refusal = error instanceof BusError ? `${address}: ${error.message}` : error.message
        }
      }
    }
    throw new UserError(`no systemd answers: ${refusal}: use cgroups by cgroupfs, or start systemd and its D-Bus`)
  }

  static async #controlGroupOf(connection: Connection): Promise<string> {
    const [value] = await connection.call({
      destination: systemd,
      path: managerPath,
      interface: 'org.freedesktop.DBus.Properties',
      member: 'Get',
      signature: 'ss',
      body: [managerInterface, 'ControlGroup'],
    })
    return String((value as Variant).value)
  }

  #ask(member: string, signature: string, body: readonly Value[]): Promise<readonly Value[]> {
    const call: Call = { destination: systemd, path: managerPath, interface: managerInterface, member, signature, body }
    return this.#connection.call(call)
  }

  /** Asks for what systemd does later, and waits for its result: `done`, `failed`, `timeout`, ... */
  async #job(member: string, signature: string, body: readonly Value[]): Promise<string> {
    await this.#listen()
    const [job] = await this.#ask(member, signature, body)
    const { body: end } = await this.#connection.signal(
      (signal) => signal.interface === managerInterface && signal.member === 'JobRemoved' && signal.body[1] === job,
    )
    return String(end[3])
  }

  /** Before the job is asked for: it may end at once. */
  async #listen(): Promise<void> {
    if (this.#listening) return
    const rule = `type='signal',sender='${systemd}',path='${managerPath}',interface='${managerInterface}',member='JobRemoved'`
    // Without a bus in between all signals come.
    if (!this.#direct) await this.#connection.call({ ...bus, member: 'AddMatch', signature: 's', body: [rule] })
    await this.#ask('Subscribe', '', [])
    this.#listening = true
  }

  /**
   * Makes a unit that is in no file, and starts it.
   *
   * @errors UserError when systemd does not take a property, or the unit cannot be started
   */
  async startTransient(unit: string, properties: readonly Property[]): Promise<void> {
    const start = () => this.#job('StartTransientUnit', 'ssa(sv)a(sa(sv))', [unit, 'fail', properties, []])
    const tried = `have systemd make ${unit}`
    try {
      const result = await start().catch(async (error) => {
        if (!(error instanceof BusError) || error.errorName !== `${systemd}.UnitExists`) throw error
        // One of that name that has failed is only remembered.
        await this.#forget(unit)
        return await start()
      })
      if (result === 'done') return
      await this.#forget(unit)
      throw new UserError(`${tried}: its start ended with ${result}: see journalctl`)
    } catch (error) {
      throw error instanceof BusError ? new UserError(`${tried}: ${error.message}`) : error
    }
  }

  /** Until systemd reads its units anew at the next boot. @errors UserError when systemd does not take one */
  async setProperties(unit: string, properties: readonly Property[]): Promise<void> {
    try {
      await this.#ask('SetUnitProperties', 'sba(sv)', [unit, true, properties])
      // It writes the files after its answer, and before it takes another question.
      await Manager.#controlGroupOf(this.#connection)
    } catch (error) {
      throw error instanceof BusError ? new UserError(`have systemd change ${unit}: ${error.message}`) : error
    }
  }

  /** Stops a unit and forgets it; none is fine. */
  async stop(unit: string): Promise<void> {
    try {
      await this.#job('StopUnit', 'ss', [unit, 'replace'])
    } catch (error) {
      const gone = error instanceof BusError && error.errorName === `${systemd}.NoSuchUnit`
      if (!gone) throw error instanceof BusError ? new UserError(`have systemd stop ${unit}: ${error.message}`) : error
    }
    await this.#forget(unit)
  }

  async #forget(unit: string): Promise<void> {
    try {
      await this.#ask('ResetFailedUnit', 's', [unit])
    } catch (error) {
      // Not there, which is what is wanted.
      if (!(error instanceof BusError)) throw error
    }
  }

  close(): void {
    this.#connection.close()
  }
}
