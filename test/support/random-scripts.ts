// Scripts of chance for a POSIX shell: words with every expansion, and every kind of command around them.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the shell's own

import fc from 'fast-check'

type Text = fc.Arbitrary<string>

const of = (...texts: readonly string[]): Text => fc.constantFrom(...texts)
const joined = (...parts: readonly (Text | string)[]): Text =>
  fc.tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part))).map((list) => list.join(''))
const several = (one: Text, separator: string, minLength: number, maxLength: number): Text =>
  fc.array(one, { minLength, maxLength }).map((list) => list.join(separator))

const name = of('x', 'y', 'z', 'n')
const parameter = of('x', 'y', 'z', 'n', 'u', '1', '2', '3', '#', '?', '@', '*', '10')
const pattern = of(
  'a',
  '*',
  '?',
  'a*',
  '*b',
  '[a-c]',
  '[!a-c]*',
  '"*"',
  "'?'",
  '\\*',
  '*[0-9]',
  '[[:alpha:]]',
  '$x',
  '*/',
  '.*',
  '[]a]*',
  '[a',
)
const plain = of(
  'a',
  'b',
  'abc',
  'a.b',
  'x=1',
  '12',
  '-n',
  '--',
  '~',
  'a/b',
  '\\$x',
  '\\\\',
  "'s $x'",
  "'\"'",
  '\\*',
  '*',
  'f*',
  '?',
  '[a-z]',
  '{a,b}',
  'a\\ b',
  '""',
  "''",
  '#',
  'a#b',
  '!',
  '%',
  ':',
  'in',
  'do',
)

const number = of('0', '1', '2', '7', '10', '077', '0x1f', 'n', '$n', '${n}', '$((n))', '$#', 'm', '2147483647')
const sum: Text = fc.letrec<{ any: string }>((again) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    number,
    joined(
      again('any'),
      of('+', '-', '*', ' / 3', '<<', '>>', '<', '<=', '>', '==', '!=', '&', '^', '|', ' && ', ' || '),
      number,
    ),
    joined(of('-', '+', '!', '~'), '(', again('any'), ')'),
    joined('(', again('any'), ' ? ', again('any'), ' : ', number, ')'),
    joined('(', of('n', 'm'), of('=', '+=', '-=', '*=', '<<=', '|='), again('any'), ')'),
    joined('(', again('any'), ')', of('%', '/'), of('2', '5', '-3')),
  ),
})).any

/** A word, within which `command` stands in substitutions. */
function words(command: Text): { word: Text; fields: Text } {
  const { word } = fc.letrec<Record<string, string>>((again) => {
    const inner = several(
      fc.oneof(of('a', 'b*', ' ', 'c d', '$x', '"q r"', "'", '\\}', '/'), again('quoted')),
      '',
      0,
      3,
    )
    const braces = fc.oneof(
      joined(
        '${',
        parameter,
        of('-', ':-', '+', ':+', '-', '?', ':?').filter((sign) => !sign.includes('?')),
        inner.filter((text) => (text.split("'").length & 1) === 1),
        '}',
      ),
      joined('${', name, of('=', ':='), of('', 'd', 'e f', '"g  h"', '$x', '*'), '}'),
      joined('${', of('x', 'y', 'z', '1', 'n'), of('#', '##', '%', '%%'), pattern, '}'),
      joined('${#', of('x', 'y', 'z', 'n', '@', '*', '1', ''), '}'),
    )
    const expansion = fc.oneof(
      parameter.map((text) => (text.length > 1 ? `\${${text}}` : `$${text}`)),
      braces,
      joined('$((', sum, '))'),
      joined('$(', command, ')'),
    )
    const inQuotes = several(
      fc.oneof(of('a', ' b  c', '\\"', '\\$', "'", '*', '\\a', '\\\\', '~', '#'), expansion),
      '',
      0,
      3,
    )
    return {
      quoted: joined('"', inQuotes, '"'),
      word: fc.oneof(
        { depthSize: 'small' },
        plain,
        expansion,
        again('quoted'),
        several(
          fc.oneof(
            plain.filter((text) => !'#~'.includes(text[0]!) || text === ''),
            expansion,
            again('quoted'),
          ),
          '',
          2,
          3,
        ),
      ),
    }
  }) as { word: Text }
  return { word, fields: several(word, ' ', 0, 4) }
}

const document = (word: Text): Text =>
  fc
    .tuple(
      of('E', "'E'", '-E', '\\E'),
      several(
        fc.oneof(
          of('a b', '\ttab', '$x', '$(echo s)', '\\$x', '"q"', "it's", '\\', '`echo b`', '$((n+1))', '${y:-"d"}'),
          word,
        ),
        '\n',
        0,
        4,
      ),
    )
    .map(([sign, text]) => `<<${sign}\n${text.endsWith('\\') ? `${text}.` : text}\nE\n`)

const test = (word: Text): Text =>
  fc.oneof(
    joined('[ ', of('-n', '-z', '-e', '-d', '-f', '! -s'), ' "', of('$x', '$y', 'f', 'd', '', '$(echo)'), '" ]'),
    joined('[ "$x" ', of('=', '!='), ' ', of('a', '"$y"', '""', 'b'), ' ]'),
    joined('[ "$n" ', of('-eq', '-ne', '-lt', '-le', '-gt', '-ge'), ' ', of('0', '1', '2', '5'), ' ]'),
    joined('[ "$x" = a ', of('-a', '-o'), ' "$n" = 1 ]'),
    joined('test ', word),
    joined('case ', word, ' in ', pattern, ') true;; (b|"c d") false;; *) [ 1 = 2 ];; esac'),
  )

const options = of('', '', '', 'set -e; ', 'set -f; ', 'set -u; ', 'set -a; ', 'set -C; ')

/** Commands of one or several lines. `tools`: pipelines of programs beside the shell's own. */
export function shellCommand(tools: Text): Text {
  return fc.letrec<{ any: string; short: string; simple: string }>((again) => {
    const { word, fields } = words(again('short'))
    // What stands in a document holds no document that ends with the same word.
    const { word: inDocument } = words(of('echo b', 'echo "b  c" $x', 'false'))
    const any = again('any')
    const body = fc.oneof({ weight: 3, arbitrary: any }, { weight: 1, arbitrary: joined(any, '; ', any) })
    return {
      short: fc.oneof(
        { depthSize: 'small' },
        joined('echo ', several(of('a', '$x', '"b  c"', '*', '$n', 'q'), ' ', 0, 3)),
        tools,
        of('cat f', 'exit 3', 'false', ':'),
        again('simple'),
      ),
      simple: fc.oneof(
        { weight: 5, arbitrary: joined('echo ', fields) },
        { weight: 3, arbitrary: joined("printf '<%s>' ", fields, '; echo') },
        { weight: 3, arbitrary: joined(name, '=', word) },
        { weight: 2, arbitrary: joined('set -- ', fields) },
        joined(name, '=', word, ' ', name, '=', word, ' eval \'echo "$x|$y|$n"\''),
        joined('x=', word, ' f ', fields),
        joined('f ', fields),
        joined('export ', name, '=', word),
        joined('unset ', of('x', 'y', '-v z', '-f g', 'nosuch')),
        joined(
          'eval ',
          of("'echo $x'", '"x=\\$n"', "'for i in 1 2; do echo $i; done'", 'echo "\\"$y\\""', "'return 2'", ''),
        ),
        joined('n=$((', sum, '))'),
        joined(': $((', sum, '))'),
        joined('shift ', of('', '1', '0')),
        joined('getopts ', of('ab:', ':xy:'), ' z ', of('-a', '-b v', '-abv', '-q', '-b', 'w')),
        joined('{ cat ', document(inDocument), '}'),
        joined('{ read ', of('x', 'x y', '-r x', 'x y z', '-r y n'), ' ', document(inDocument), '}'),
        joined(
          'trap ',
          of("'echo T $?' EXIT", "'echo U' USR1", '- EXIT', "'' USR1", 'echo\\ one EXIT', "'x=t' USR1 TERM", ''),
        ),
        of('sh -c \'trap "echo in" USR1; kill -USR1 $$; echo after\'', 'kill -l 15'),
        of(
          'return',
          'return 3',
          'exit',
          'exit 4',
          'break',
          'continue',
          'true',
          'false',
          ':',
          'wait',
          'cd d',
          'cd ..',
          'cd',
          'pwd',
          'umask',
          'hash -r',
          'set -x',
          'set +x',
          'set +e',
          'set -f',
          'alias q="echo aliased "',
          'q x',
          'type f cd nosuch',
          'command -v f echo cd',
          'command f',
          'times >/dev/null',
          'readonly r=1',
          'r=2',
          'echo $-',
          'local x=5',
          'local y',
          'IFS=:',
          'IFS=',
          'IFS=" a"',
          'unset IFS',
          '. ./s',
          '. ./nosuch',
          'exec 3>g',
          'echo three >&3',
          'exec 3>&-',
          'nosuch',
          './s',
          'set -o noglob',
          'set | grep "^[xyz]="',
        ),
        test(word),
        tools,
      ),
      any: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        again('simple'),
        joined(any, of('; ', ' && ', ' || ', ' | ', '\n'), any),
        joined(
          any,
          of(
            ' | cat',
            ' | while read -r l; do echo "[$l]"; done',
            ' | { read x; cat; }',
            ' > g',
            ' >> g',
            ' 2>&1',
            ' < f',
            ' 2>/dev/null',
            ' & wait',
            ' >&2',
          ),
        ),
        joined('if ', any, '; then ', body, of('', '; else echo no', '; elif true; then echo elif'), '; fi'),
        joined('for ', name, ' in ', fields, '; do ', body, '; done'),
        joined('for i in 1 2 3; do ', body, '; [ $i = 2 ] && ', of('break', 'continue', 'true'), '; done'),
        joined('for ', name, of('', ' in "$@"'), '\ndo ', body, '\ndone'),
        joined('while [ $((c+=1)) -lt ', of('3', '9'), ' ]; do ', body, '; done'),
        joined('until [ $((c+=1)) -gt 12 ]; do ', body, '; done'),
        joined(
          'case ',
          word,
          ' in ',
          pattern,
          '|',
          pattern,
          ') ',
          body,
          ';; ',
          pattern,
          ') ',
          body,
          of(';;', ''),
          ' esac',
        ),
        joined('{ ', body, '; }', of('', ' > g', ' < f', ' 2>&1 | cat', ' & wait $!')),
        joined('(', body, ')', of('', ' > g', ' | cat', ' && echo and')),
        joined('! { ', body, '; }'),
        joined(of('f', 'g'), '() { [ $((d+=1)) -gt 4 ] && return 9; ', body, '; }; f ', fields),
        joined('f() ([ $((d+=1)) -gt 3 ] && exit; ', body, ')', of('', ' 2>&1'), '; f 1 2'),
        joined(name, '=$( ', any, ')'),
        joined(name, '="`', of('echo b', 'echo "c  d"', 'echo \\$x', 'echo \\\\\\\\'), '`"'),
        joined('set -e; ', any, '; set +e'),
        joined('eval "', of('x=1', 'echo \\$x', 'f a'), '"; ', any),
        joined(
          "sh -c '",
          of('echo $0 $#', 'echo "$@"', 'exit 7', 'echo ${x-none}', 'trap "echo bye" EXIT; exit 2'),
          "' ",
          fields,
        ),
      ),
    }
  }).any
}

/** What every script begins and ends with: files, variables, a function; what is left of them. */
export function shellScript(command: Text): Text {
  return fc.tuple(options, command).map(
    ([set, text]) =>
      `mkdir d; echo "one 1\ntwo  2\n" >f; echo 'echo sourced $# "$x"; x=s' >s; : >.h; : >d/e
${set}f() { echo "f:$#:$1"; }; x=a y="b c" n=1; set -- p "q r" '*'
${text}
echo "$? $# <$x> <$y> <$z> $n"`,
  )
}
