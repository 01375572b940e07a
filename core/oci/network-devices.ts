// Network devices of the host that go to the container. OCI config-linux.md, "Network Devices".

import { UserError } from '../errors.ts'
import type { Kernel } from '../kernel.ts'
import { moveLink } from '../network/move-link.ts'
import type { Spec } from '../spec/types.ts'

/** IFNAMSIZ less the final NUL; netdevice(7). */
const nameBytesMax = 15

const devicesOf = ({ linux }: Spec) => Object.entries(linux?.netDevices ?? {})

/** Whether the container waits for devices before its root is changed, and its parameters of the network are set. */
export const takesNetworkDevices = (spec: Spec): boolean => devicesOf(spec).length > 0

/** dev_valid_name() of the kernel. */
function isName(name: string): boolean {
  return (
    name !== '.' && name !== '..' && /^[^/:\s]+$/.test(name) && new TextEncoder().encode(name).length <= nameBytesMax
  )
}

/** @errors UserError for names that are none, and for a container that shares the host's network */
export function checkNetworkDevices(spec: Spec): void {
  for (const [name, { name: inside = '' }] of devicesOf(spec)) {
    if (!spec.linux?.namespaces?.some(({ type }) => type === 'network'))
      throw new UserError(
        `linux.netDevices: ${name}: stays on the host; a container needs a network namespace to be given a device`,
      )
    for (const each of inside === '' ? [name] : [name, inside])
      if (!isName(each)) throw new UserError(`linux.netDevices: ${each}: is no name of a network device`)
  }
}

/**
 * They are not taken back: a device belongs to its network namespace, and with it physical ones return to the host.
 *
 * @param pid - of the child that waits
 * @errors UserError naming the device
 */
export function moveNetworkDevices(kernel: Kernel, spec: Spec, pid: number): void {
  for (const [name, { name: inside }] of devicesOf(spec))
    moveLink(kernel, name, pid, inside || name, `linux.netDevices: ${name}`)
}
