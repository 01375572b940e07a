// The version: package.json's, checked by a test, since reading that file would cost time at every start.

export const versionNumber = '0.1.0'
