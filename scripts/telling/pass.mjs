// Makes the simulated kernel tellable: a closure answers what it has caught when it is asked (sim/snapshot/telling.ts), and can be
// made again from that; private fields become fields that others can read. So the state of a machine can be written down, whatever
// it consists of, and no line of the kernel has to know.
//
//     const again = () => pipe.read(count)
// becomes
//     const again = $make_7(pipe, count)
//     function $make_7(pipe, count, $told_7 = () => $telling.on ? $telling.tell([pipe, count]) : pipe.read(count)) {
//       return $told_7
//     }
//
// A variable that changes, or is caught before it has its value, becomes a box that all who use it share.

import { transformSync } from 'esbuild'
import { parseAst } from 'rolldown/parseAst'
import { eachChild, variablesOf } from './scopes.mjs'

/** Calls what it is given at once, and keeps none of it. */
const transient =
  /^(map|filter|find|some|every|sort|toSorted|flatMap|findIndex|findLast|findLastIndex|reduce|from|replace|replaceAll)$/
const isFunction = ({ type }) => /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(type)
const isClass = ({ type }) => /^Class(Declaration|Expression)$/.test(type)

/** Which files are part of the machine. */
export const wanted = (path) =>
  /^(sim|backends\/sim)\/.*(?<!\.d)\.ts$/.test(path) && !/^sim\/(scenario|snapshot)\//.test(path)

/**
 * @param source - a module of TypeScript
 * @param name - of the module, from the root of the project
 * @param telling - where it finds sim/snapshot/telling.ts
 * @returns JavaScript
 * @errors Error for what it cannot rewrite
 */
export function makeTellable(source, name, telling) {
  const { code } = transformSync(source, { loader: 'ts', format: 'esm', target: 'esnext', sourcefile: name })
  const program = parseAst(code)
  const { variables, top } = variablesOf(program)
  const word = name.replace(/\.ts$/, '').replaceAll(/[^a-zA-Z0-9]/g, '_')
  const edits = []
  const functions = survey(program, edits)
  for (const known of functions.values()) known.caught = []
  const chain = (use) => {
    const around = []
    for (let at = use; at; at = at.outer) around.push(at.node)
    return around
  }
  for (const variable of variables) {
    if (top.get(variable.name) === variable) continue
    const outside = new Set(chain(variable.function))
    let isBoxed = false
    let isEarly = false
    // Each turn of a loop has a variable of its own, which its end does not change.
    const { update } = parentsOf(program, variable.declaration)[1] ?? {}
    const isAtEnd = ({ identifier }) => update && identifier.start >= update.start && identifier.end <= update.end
    const changes = variable.uses.some((use) => isWrite(use) && !isAtEnd(use))
    const { start, end } = variable.declaration
    for (const use of variable.uses) {
      for (const around of chain(use.function)) {
        const known = functions.get(around)
        if (outside.has(around) || !known?.lifted) continue
        if (!known.caught.includes(variable.name)) known.caught.push(variable.name)
        if (changes) isBoxed = true
        if (/^(const|let|var)$/.test(variable.kind) && around.start < end) {
          isBoxed = true
          if (around.start < start) isEarly = true
        }
      }
    }
    if (isBoxed) box(variable, isEarly, { edits, program, name })
  }
  const factories = []
  const text = (start, end, without) => {
    let out = ''
    let at = start
    for (const edit of edits) {
      if (edit === without || edit.start < at || edit.end > end || edit.start < start) continue
      if (edit.start > end) break
      out += code.slice(at, edit.start) + edit.write(text)
      at = edit.end
    }
    return out + code.slice(at, end)
  }
  for (const known of functions.values()) if (known.lifted) lift(known)
  edits.sort((a, b) => a.start - b.start || b.end - a.end)

  function lift(known) {
    const { node, parent, outerArrows, usesThis } = known
    const isMethod = parent.type === 'Property' && parent.method
    const edit = { start: isMethod ? parent.start : node.start, end: isMethod ? parent.end : node.end }
    const number = factories.push('') - 1
    const [make, told] = [`$make_${word}_${number}`, `$told_${word}_${number}`]
    edit.write = () => {
      const { body } = node
      const caught = [...known.caught, ...(usesThis ? ['$this'] : [])]
      const tell = `$telling.tell([${caught.join(', ')}])`
      const head = (isMethod ? `${node.async ? 'async ' : ''}function ` : '') + text(node.start, body.start, edit)
      const written =
        body.type === 'BlockStatement'
          ? `${head}{ if ($telling.on) return ${tell}; ${text(body.start + 1, node.end, edit)}`
          : `${head}$telling.on ? ${tell} : (${text(body.start, body.end, edit)})${text(body.end, node.end, edit)}`
      // As the default of a parameter, because bundlers keep its name: it is known by that.
      const parameters = [...caught, `${told} = ${written}`].join(', ')
      factories[number] = `function ${make}(${parameters}) {\n  return ${told};\n}\n`
      const isInside = outerArrows.some((arrow) => functions.get(arrow).lifted)
      const given = [...known.caught, ...(usesThis ? [isInside ? '$this' : 'this'] : [])].join(', ')
      const key = isMethod
        ? `${parent.computed ? `[${text(parent.key.start, parent.key.end)}]` : code.slice(parent.key.start, parent.key.end)}: `
        : ''
      return `${key}${make}(${given})`
    }
    edits.push(edit)
  }

  const body = text(0, code.length)
  const own = [...top.values()].filter(({ kind }) => kind === 'const' || kind === 'class' || kind === 'function')
  const names = own.map((variable) => variable.name).join(', ')
  const made = factories.map((_, number) => `$told_${word}_${number}: $make_${word}_${number}`).join(', ')
  return [
    `import { telling as $telling } from ${JSON.stringify(telling)};\n${body}\n${factories.join('')}`,
    `$telling.register(${JSON.stringify(name)}, ${sumOf(code)}, { ${names} }, { ${made} });\n`,
  ].join('')
}

/** FNV-1a: which text it was. */
function sumOf(text) {
  let sum = 0x811c9dc5
  for (let at = 0; at < text.length; at++) sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193)
  return sum >>> 0
}

/** Finds functions, which of them to lift, and whose `this` they use; notes edits of `this` and of private names. */
function survey(program, edits) {
  const functions = new Map()
  const walk = (node, parent, key, at) => {
    if (isFunction(node)) {
      const isArrow = node.type === 'ArrowFunctionExpression'
      const known = { node, parent, key, usesThis: false, outerArrows: isArrow ? at.arrows : [], lifted: false }
      known.lifted = mayLift(known, at.depth)
      functions.set(node, known)
      at = { ...at, depth: at.depth + 1, arrows: isArrow ? [...at.arrows, node] : [], owner: isArrow ? at.owner : node }
    } else if (isClass(node)) {
      const names = node.body.body
        .filter(({ key: name }) => name?.type === 'PrivateIdentifier')
        .map((one) => one.key.name)
      at = { ...at, classes: [...at.classes, { name: node.id?.name ?? 'Unnamed', names: new Set(names) }] }
    } else if (node.type === 'PropertyDefinition') at = { ...at, depth: at.depth + 1, arrows: [] }
    if (node.type === 'ThisExpression') {
      for (const arrow of at.arrows) functions.get(arrow).usesThis = true
      const { arrows } = at
      const write = () => (arrows.some((arrow) => functions.get(arrow).lifted) ? '$this' : 'this')
      edits.push({ start: node.start, end: node.end, write })
    }
    if (node.type === 'Super' || (node.type === 'Identifier' && node.name === 'arguments' && key !== 'property'))
      for (const arrow of at.arrows) functions.get(arrow).lifted = false
    if (node.type === 'PrivateIdentifier') {
      const whose = at.classes.findLast(({ names }) => names.has(node.name))
      const plain = `$${whose.name}$${node.name}`
      const isAsked = parent.type === 'BinaryExpression'
      edits.push({ start: node.start, end: node.end, write: () => (isAsked ? `'${plain}'` : plain) })
    }
    eachChild(node, (child, place) => walk(child, node, place, at))
  }
  walk(program, undefined, '', { depth: 0, arrows: [], classes: [], owner: undefined })
  return functions
}

function mayLift({ node, parent, key }, depth) {
  if (node.type === 'FunctionDeclaration' || node.generator || parent.type === 'MethodDefinition') return false
  if (depth === 0 && parent.type === 'VariableDeclarator') return false
  if (parent.type === 'Property' && parent.kind !== 'init') return false
  const isGiven = parent.type === 'CallExpression' && key === 'arguments' && parent.callee.type === 'MemberExpression'
  return !(isGiven && transient.test(parent.callee.property.name))
}

function isWrite({ parent, key }) {
  if (parent.type === 'AssignmentExpression' || parent.type === 'ForOfStatement' || parent.type === 'ForInStatement')
    return key === 'left'
  if (parent.type === 'AssignmentPattern') return key === 'left'
  if (parent.type === 'Property') return parent.inPattern === true && key === 'value'
  return /^(UpdateExpression|ArrayPattern|RestElement)$/.test(parent.type)
}

function box(variable, isEarly, { edits, program, name }) {
  const { name: word, declaration, identifier, kind } = variable
  for (const { identifier: used, parent, key } of variable.uses)
    edits.push({
      start: used.start,
      end: used.end,
      write: () =>
        parent.type === 'Property' && parent.shorthand
          ? `${word}: ${word}.v`
          : key === 'callee'
            ? `(0, ${word}.v)`
            : `${word}.v`,
    })
  const around = parentsOf(program, declaration)
  const fail = (why) => new Error(`${name}: ${word} is caught and ${why}: give it a name of its own`)
  if (kind === 'param') {
    const owner = variable.function.node.body
    if (owner.type === 'BlockStatement')
      edits.push({ start: owner.start + 1, end: owner.start + 1, write: () => ` ${word} = { v: ${word} }; ` })
    else throw fail('a parameter of an expression that changes it')
    return
  }
  if (declaration.type !== 'VariableDeclarator') throw fail('neither a variable nor a parameter')
  if (around.some(({ type }, at) => at < 2 && /^For/.test(type))) throw fail('the variable of a loop')
  const { id, init } = declaration
  if (id !== identifier) {
    if (kind !== 'let' || isEarly) throw fail('part of a pattern')
    edits.push({ start: declaration.end, end: declaration.end, write: () => `, $${word} = (${word} = { v: ${word} })` })
    return
  }
  if (isEarly) {
    const block = around.find(({ type }) => type === 'BlockStatement')
    edits.push({ start: block.start + 1, end: block.start + 1, write: () => ` const ${word} = { v: undefined }; ` })
    edits.push({
      start: id.start,
      end: init ? init.start : id.end,
      write: () => `$${word} = ${word}.v = ${init ? '' : 'undefined'}`,
    })
    return
  }
  if (!init) edits.push({ start: id.start, end: id.end, write: () => `${word} = { v: undefined }` })
  else
    edits.push({
      start: id.start,
      end: init.start,
      write: () => `${word} = { v: undefined }, $${word} = ${word}.v = `,
    })
}

/** The nodes around one, the innermost first. */
function parentsOf(program, wanted) {
  const around = []
  const find = (node) => {
    if (node === wanted) return true
    let found = false
    eachChild(node, (child) => {
      if (!found && child.start <= wanted.start && child.end >= wanted.end && find(child)) {
        around.push(node)
        found = true
      }
    })
    return found
  }
  find(program)
  return around
}
