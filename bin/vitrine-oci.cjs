#!/usr/bin/env -S node --min-semi-space-size=16 --
// The OCI runtime: started as vitrine is.
'use strict'

require('./vitrine.cjs')
