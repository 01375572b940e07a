// Ids of containers, and the names they get when nobody gives one.

import { UserError } from '../errors.ts'

const idBytes = 32

/** 64 hexadecimal digits. One that reads as a number could be taken for a pid by scripts: drawn again. */
export function newId(randomBytes: (count: number) => Uint8Array): string {
  for (;;) {
    const id = Array.from(randomBytes(idBytes), (byte) => byte.toString(16).padStart(2, '0')).join('')
    if (!/^\d{12}/.test(id)) return id
  }
}

/** @errors UserError for a name that podman would not take either */
export function checkName(name: string): void {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name) || name.length > 255)
    throw new UserError(
      `name ${name}: must be letters, digits, _ . and -, begin with a letter or digit, and have at most 255`,
    )
}

const adjectives =
  'amber ample azure brave brisk calm clear crisp eager early fair fine fond frank fresh gentle glad golden grand green happy hardy keen kind lively loyal lucid merry mild neat nimble noble plain proud quick quiet rapid ready royal sharp sleek smart snug solid spry stout sunny swift tidy true vivid warm wise witty young zesty'.split(
    ' ',
  )
const nouns =
  'acorn anchor aspen badger beacon birch bison breeze brook canyon cedar cliff clover comet coral crane creek delta dune ember falcon fern finch fjord forest fox garnet glacier grove harbor hawk heron hill island ivy jasper juniper lagoon lark lichen lynx maple marten meadow mesa moss oak orchid otter owl pebble pine plover prairie quartz raven reef ridge robin sage sparrow spruce summit tern thistle tundra valley walnut willow wren'.split(
    ' ',
  )

/** `adjective_noun`; the second attempt and later add a number, so that no list is ever too short. */
export function newName(randomBytes: (count: number) => Uint8Array, attempt: number): string {
  const [a = 0, b = 0, c = 0, d = 0] = randomBytes(4)
  const name = `${adjectives[a % adjectives.length]}_${nouns[b % nouns.length]}`
  return attempt === 0 ? name : `${name}${c * 256 + d}`
}
