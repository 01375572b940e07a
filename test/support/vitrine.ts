// The program from its sources, for monitors that tests start: what runs the cleanup command.

import { main } from '../../cli/main.ts'

process.exitCode = await main(process.argv.slice(2))
