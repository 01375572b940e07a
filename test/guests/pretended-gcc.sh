#!/bin/sh
# A C compiler as far as a configure script can tell: it accepts nearly everything, and its programs end with 0.
out= mode=link src=
while [ $# -gt 0 ]; do
  case $1 in
    -o) out=$2; shift ;;
    -c) mode=object ;;
    -E) mode=preprocess ;;
    --version | -v | -V | -qversion) echo 'pretended 1.0'; exit 0 ;;
    *.c) src=$1 ;;
  esac
  shift
done
if grep -q 'choke me\|#error\|nonexistent' "$src"; then echo "$src: refused" >&2; exit 1; fi
case $mode in
  preprocess) cat "$src" ;;
  object) cp "$src" "${out:-$(basename "$src" .c).o}" ;;
  link) printf '#!/bin/sh\nexit 0\n' >"${out:-a.out}"; chmod +x "${out:-a.out}" ;;
esac
