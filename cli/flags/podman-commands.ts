// podman's commands that vitrine does not have, and why: so that they are refused by name.

export const podmanCommands: Readonly<Record<string, string>> = {
  'volume mount': 'a volume is mounted in its containers only; `volume inspect` tells where its files are',
  'volume unmount': 'a volume is mounted in its containers only, and goes with them',
  'volume reload': 'there are no volume plugins that could know of others',
}
