// Vitest's set-up of the pure tests: every property starts from the run's seed, so that a failure can be played again.

import fc from 'fast-check'

const path = process.env.VITRINE_PATH
fc.configureGlobal({
  seed: Number(process.env.VITRINE_SEED),
  ...(path === undefined ? {} : { path, endOnFailure: true }),
})
