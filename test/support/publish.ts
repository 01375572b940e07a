// What `-p` asks for, in the form in which the engine hands it to the network.

import { publish } from '../../cli/flags/network-values.ts'
import { networkPort } from '../../core/engine/launch.ts'
import type { PortMapping } from '../../core/network/ports.ts'

export const parsePublish = (value: string): PortMapping[] => publish('-p', value).map(networkPort)
