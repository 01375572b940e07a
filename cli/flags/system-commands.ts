// The flags of the commands on all that vitrine keeps.

import type { CommandFlags } from './table.ts'

export const systemCommands = {} as const satisfies Readonly<Record<string, CommandFlags>>
