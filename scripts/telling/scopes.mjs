// Which variable each name in a module means, and which functions it is used in: what a function has caught of those around it.

const isFunction = ({ type }) =>
  type === 'FunctionDeclaration' || type === 'FunctionExpression' || type === 'ArrowFunctionExpression'
const isClass = ({ type }) => type === 'ClassDeclaration' || type === 'ClassExpression'

/** Calls back for each node below one, with the key that it has there. */
export function eachChild(node, see) {
  for (const key in node) {
    const value = node[key]
    if (Array.isArray(value)) for (const child of value) child && typeof child.type === 'string' && see(child, key)
    else if (value && typeof value.type === 'string') see(value, key)
  }
}

/** The names that a pattern binds. */
function bound(pattern, see) {
  if (pattern === null) return
  if (pattern.type === 'Identifier') see(pattern)
  else if (pattern.type === 'AssignmentPattern') bound(pattern.left, see)
  else if (pattern.type === 'RestElement') bound(pattern.argument, see)
  else if (pattern.type === 'ArrayPattern') for (const element of pattern.elements) bound(element, see)
  else if (pattern.type === 'ObjectPattern')
    for (const property of pattern.properties) bound(property.value ?? property, see)
}

/**
 * @returns every variable: its name, where it is declared (`declaration`: declarator, function, class or parameter; `identifier`;
 *   `function`: the innermost one around it), and `uses`, each with the functions around it, the innermost first
 */
export function variablesOf(program) {
  const variables = []
  const uses = []

  const declare = (scope, identifier, declaration, kind) => {
    const there = scope.names.get(identifier.name)
    if (there) return
    const variable = { name: identifier.name, identifier, declaration, kind, function: scope.function, uses: [] }
    scope.names.set(identifier.name, variable)
    variables.push(variable)
  }
  const inside = (outer, owner = outer?.function) => ({ names: new Map(), outer, function: owner })

  const hoist = (statements, scope) => {
    for (const given of statements) {
      const statement = /^Export(Named|Default)Declaration$/.test(given.type) ? given.declaration : given
      if (!statement) continue
      if (statement.type === 'VariableDeclaration')
        for (const one of statement.declarations)
          bound(one.id, (identifier) => declare(scope, identifier, one, statement.kind))
      else if ((statement.type === 'FunctionDeclaration' || statement.type === 'ClassDeclaration') && statement.id)
        declare(scope, statement.id, statement, statement.type === 'ClassDeclaration' ? 'class' : 'function')
      else if (statement.type === 'ImportDeclaration')
        for (const { local } of statement.specifiers) declare(scope, local, statement, 'import')
    }
  }

  const walk = (node, scope, parent, key) => {
    if (node.type === 'Identifier') {
      if (isUse(parent, key)) uses.push({ identifier: node, scope, parent, key })
      return
    }
    if (isFunction(node)) {
      const own = inside(scope, { node, outer: scope.function })
      if (node.type === 'FunctionExpression' && node.id) declare(own, node.id, node, 'function')
      for (const parameter of node.params)
        bound(parameter, (identifier) => declare(own, identifier, parameter, 'param'))
      for (const parameter of node.params) walk(parameter, own, node, 'params')
      if (node.body.type === 'BlockStatement') {
        hoist(node.body.body, own)
        for (const statement of node.body.body) walk(statement, own, node.body, 'body')
      } else walk(node.body, own, node, 'body')
      return
    }
    if (isClass(node)) {
      if (node.superClass) walk(node.superClass, scope, node, 'superClass')
      const own = inside(scope)
      if (node.id && node.type === 'ClassExpression') declare(own, node.id, node, 'class')
      walk(node.body, own, node, 'body')
      return
    }
    if (node.type === 'ObjectPattern') for (const property of node.properties) property.inPattern = true
    let within = scope
    if (node.type === 'BlockStatement') {
      within = inside(scope)
      hoist(node.body, within)
    } else if (node.type === 'SwitchStatement') {
      within = inside(scope)
      for (const { consequent } of node.cases) hoist(consequent, within)
    } else if (/^For(In|Of)?Statement$/.test(node.type)) {
      within = inside(scope)
      const first = node.type === 'ForStatement' ? node.init : node.left
      if (first) hoist([first], within)
    } else if (node.type === 'CatchClause') {
      within = inside(scope)
      bound(node.param, (identifier) => declare(within, identifier, node, 'catch'))
    }
    eachChild(node, (child, place) => walk(child, within, node, place))
  }

  const top = inside(undefined, undefined)
  hoist(program.body, top)
  for (const statement of program.body) walk(statement, top, program, 'body')
  for (const { identifier, scope, parent, key } of uses) {
    let at = scope
    while (at && !at.names.has(identifier.name)) at = at.outer
    const variable = at?.names.get(identifier.name)
    if (variable && variable.identifier !== identifier)
      variable.uses.push({ identifier, function: scope.function, parent, key })
  }
  return { variables, top: top.names }
}

/** Whether an identifier stands for a variable: it is no name of a property, a label or an export. */
function isUse(parent, key) {
  switch (parent.type) {
    case 'MemberExpression':
      return key === 'object' || parent.computed
    case 'Property':
    case 'PropertyDefinition':
    case 'MethodDefinition':
      return key === 'value' || parent.computed
    case 'LabeledStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
    case 'MetaProperty':
    case 'ImportSpecifier':
    case 'ImportDefaultSpecifier':
    case 'ImportNamespaceSpecifier':
    case 'ExportSpecifier':
      return false
    default:
      return true
  }
}
