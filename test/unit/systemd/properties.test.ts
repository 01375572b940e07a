// What limits of the OCI spec are as properties of a unit of systemd, and what a cgroupsPath is as a unit.

import { describe, expect, it } from 'vitest'
import { annotatedProperties } from '../../../core/systemd/annotations.ts'
import { propertiesOf } from '../../../core/systemd/properties.ts'
import { scopeOf, scopePath, slicePath } from '../../../core/systemd/unit.ts'

const infinity = 2n ** 64n - 1n
const values = (properties: ReturnType<typeof propertiesOf>) =>
  Object.fromEntries(properties.map(([name, { value }]) => [name, value]))

describe('limits as properties', () => {
  it('are those that the files get', () => {
    const properties = propertiesOf({
      memory: { limit: 67108864, swap: 100663296, reservation: 33554432 },
      cpu: { shares: 512, quota: 50000, period: 100000, cpus: '0-1,9', mems: '0' },
      pids: { limit: 50 },
      blockIO: { weight: 500 },
    })
    expect(values(properties)).toEqual({
      MemoryMax: 67108864n,
      MemoryLow: 33554432n,
      MemorySwapMax: 33554432n,
      CPUWeight: 59n,
      CPUQuotaPeriodUSec: 100000n,
      CPUQuotaPerSecUSec: 500000n,
      AllowedCPUs: Uint8Array.of(0b11, 0b10),
      AllowedMemoryNodes: Uint8Array.of(1),
      TasksMax: 50n,
      IOWeight: 4950n,
    })
    expect(new Set(properties.map(([, { signature }]) => signature))).toEqual(new Set(['t', 'ay']))
  })

  it('are none where nothing is asked for, and infinity where no limit is', () => {
    expect(propertiesOf({})).toEqual([])
    expect(propertiesOf({ memory: { limit: 0 }, cpu: { shares: 0, quota: 0 } })).toEqual([])
    expect(values(propertiesOf({ memory: { limit: -1, swap: -1 }, cpu: { quota: -1 }, pids: { limit: 0 } }))).toEqual({
      MemoryMax: infinity,
      MemorySwapMax: infinity,
      CPUQuotaPerSecUSec: infinity,
      TasksMax: infinity,
    })
  })

  it('round a quota up to percents, and keep what is in force of quota and period', () => {
    expect(values(propertiesOf({ cpu: { quota: 33333 } }, { quota: -1, period: 100000 }))).toEqual({
      CPUQuotaPeriodUSec: 100000n,
      CPUQuotaPerSecUSec: 340000n,
    })
    expect(values(propertiesOf({ cpu: { period: 50000 } }, { quota: 50000, period: 100000 }))).toEqual({
      CPUQuotaPeriodUSec: 50000n,
      CPUQuotaPerSecUSec: 1000000n,
    })
    expect(values(propertiesOf({ memory: { swap: 96 } }, { memoryLimit: 64 }))).toEqual({ MemorySwapMax: 32n })
  })

  it('come from the files that `unified` names, as far as systemd has any', () => {
    const unified = {
      'memory.high': '50',
      'memory.min': 'max',
      'cpu.max': 'max 20000',
      'cpuset.cpus': '3',
      'misc.max': 'a 1',
    }
    expect(values(propertiesOf({ unified }))).toEqual({
      MemoryHigh: 50n,
      MemoryMin: infinity,
      CPUQuotaPeriodUSec: 20000n,
      CPUQuotaPerSecUSec: infinity,
      AllowedCPUs: Uint8Array.of(8),
    })
    expect(() => propertiesOf({ unified: { 'memory.high': '50m' } })).toThrow(
      'memory.high: 50m: must be a whole number',
    )
    expect(() => propertiesOf({ unified: { 'cpuset.cpus': '0-99999999' } })).toThrow('must be a list')
  })
})

describe('units', () => {
  const usual = { slice: 'machine.slice', name: 'vitrine-web' }

  it.each([
    [undefined, 'machine.slice', 'vitrine-web.scope'],
    ['machine.slice:libpod:web', 'machine.slice', 'libpod-web.scope'],
    ['kubepods-besteffort-pod1_2.slice:cri-containerd:a', 'kubepods-besteffort-pod1_2.slice', 'cri-containerd-a.scope'],
    [':p:n', 'machine.slice', 'p-n.scope'],
    ['a.slice::n', 'a.slice', 'n.scope'],
    ['-:p:n', '-.slice', 'p-n.scope'],
  ])('of %s', (given, slice, unit) => {
    expect(scopeOf(given, usual)).toEqual({ slice, unit })
  })

  it.each([
    '/machine.slice/web',
    'a.slice:b',
    'a.slice:b:',
    'a.slice:b:c.slice',
    'a:b:c',
    'a/b.slice:c:d',
    'a--b.slice:c:d',
    'a.slice:b:c/d',
  ])('cannot be had of %s', (given) => {
    expect(() => scopeOf(given, usual)).toThrow(given.includes(':') ? /slice|scope|unit/ : 'SLICE:PREFIX:NAME')
  })

  it('have their cgroups below those that their names tell', () => {
    expect(slicePath('a-b-c.slice')).toBe('/a.slice/a-b.slice/a-b-c.slice')
    expect(slicePath('-.slice')).toBe('')
    expect(scopePath('/', { slice: 'machine.slice', unit: 'web.scope' })).toBe('/machine.slice/web.scope')
    expect(scopePath('/user.slice/user@7.service', { slice: 'user.slice', unit: 'web.scope' })).toBe(
      '/user.slice/user@7.service/user.slice/web.scope',
    )
  })
})

describe('annotations', () => {
  const one = (name: string, given: string) => annotatedProperties({ [`org.systemd.property.${name}`]: given })[0]

  it('are properties with the types of GVariant', () => {
    expect(one('TimeoutStopUSec', 'uint64 5000000')).toEqual(['TimeoutStopUSec', { signature: 't', value: 5000000n }])
    expect(one('CollectMode', "'inactive'")).toEqual(['CollectMode', { signature: 's', value: 'inactive' }])
    expect(one('SendSIGHUP', 'true')).toEqual(['SendSIGHUP', { signature: 'b', value: true }])
    expect(one('KillSignal', '37')).toEqual(['KillSignal', { signature: 'i', value: 37 }])
    expect(one('After', `['a.service', "b.service"]`)?.[1]).toEqual({
      signature: 'as',
      value: ['a.service', 'b.service'],
    })
    expect(one('TimeoutStopSec', 'uint64 5')).toEqual(['TimeoutStopUSec', { signature: 't', value: 5000000n }])
    expect(annotatedProperties({ 'org.other': 'x' })).toEqual([])
  })

  it.each(['', 'x', "'a", "['a'", 'uint64 a', 'uint128 5', 'uint64'])('%s is no value', (given) => {
    expect(() => one('CollectMode', given)).toThrow('annotation org.systemd.property.CollectMode')
  })
})
