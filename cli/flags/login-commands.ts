// The flags of login and logout.

import { all, type CommandFlags, help } from './table.ts'

const authfile = { name: 'authfile', kind: 'text', value: 'FILE', help: 'where logins are kept' } as const

const login: CommandFlags = {
  summary: 'log in to a registry',
  usage: '[REGISTRY]',
  flags: [
    authfile,
    { name: 'cert-dir', kind: 'text', value: 'DIR', help: 'certificates for the registry: *.crt, *.cert, *.key' },
    { name: 'get-login', kind: 'switch', help: 'only show who is logged in' },
    { name: 'password', short: 'p', kind: 'text', value: 'PASSWORD', help: 'seen by others; use --password-stdin' },
    { name: 'password-stdin', kind: 'switch', help: 'read the password from standard input' },
    { name: 'tls-verify', kind: 'switch', help: 'false: plain HTTP and any certificate will do' },
    { name: 'username', short: 'u', kind: 'text', value: 'NAME', help: 'who you are' },
    { name: 'verbose', short: 'v', kind: 'switch', help: 'say where the login was written' },
    help,
  ],
  podmanOnly: ['compat-auth-file', 'secret'],
}

const logout: CommandFlags = {
  summary: 'forget a login to a registry',
  usage: '[REGISTRY]',
  flags: [all('every one'), authfile, help],
  podmanOnly: ['compat-auth-file'],
}

export const loginCommands = { login, logout } as const satisfies Readonly<Record<string, CommandFlags>>
