// The flags of the commands on volumes.

import type { CommandFlags } from './table.ts'

export const volumeCommands = {} as const satisfies Readonly<Record<string, CommandFlags>>
