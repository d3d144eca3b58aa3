#!/bin/sh
# rich 15.0.0 gives the space after a Malayalam name no width, by how the name is spelled.
#
# Kannur, a city, is written in two ways: with one character for its last letter, or with three, the last of them
# U+200D (Unicode up to 5.0, and many keyboards still). "Kannur 1" then is 6 cells wide, says rich 14.2.0 of both;
# so do PyPI wcwidth 0.9.4 and the terminal of npm @xterm/headless 6.0.0. Seen: rich 15.0.0 says 6 and 5.
# In a Table the right border of the old spelling's row stands one cell off.
# Cause: what follows U+200D counts as joined, as in emoji, also where it is a space.
# What people have typed needs `text.replace("\u200d ", " ")` before it is printed: no word ends with a joiner.
# Needs node. Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @xterm/headless@6.0.0 >/dev/null
cat >look.py <<'PY'
import sys
from importlib.metadata import version

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from wcwidth import wcswidth

names = {"new": "\u0d15\u0d23\u0d4d\u0d23\u0d42\u0d7c 1", "old": "\u0d15\u0d23\u0d4d\u0d23\u0d42\u0d30\u0d4d\u200d 1"}
for spelling, name in names.items():
    said = f"rich {version('rich')} {cell_len(name)}, wcwidth {wcswidth(name)}"
    print(f"{spelling} spelling: {said}", file=sys.stderr)
table = Table(show_header=False)
for name in names.values():
    table.add_row(name)
Console(width=40, force_terminal=True, color_system=None, legacy_windows=False).print(table)
PY
cat >look.cjs <<'JS'
const { Terminal } = require('@xterm/headless')

const drawn = require('node:fs').readFileSync(0, 'utf8').trim().split('\n').slice(1, -1)
const terminal = new Terminal({ cols: 80, rows: 10, allowProposedApi: true })
terminal.write(drawn.join('\r\n'), () => {
  const lines = drawn.map((_, row) => terminal.buffer.active.getLine(row))
  const ends = lines.map((line) => [...Array(80).keys()].findLast((cell) => line.getCell(cell).getChars() === '│'))
  console.log(`right border in a terminal: ${ends.join(', ')}`)
})
JS
for rich in 14.2.0 15.0.0; do
    python3 -m venv "$rich"
    "$rich/bin/pip" -q --disable-pip-version-check install "rich==$rich" wcwidth==0.9.4
    PYTHONIOENCODING=utf-8 "$rich/bin/python" look.py 2>>seen >drawn
    node look.cjs <drawn >>seen
done
cat seen
cat >expected <<'TEXT'
new spelling: rich 14.2.0 6, wcwidth 6
old spelling: rich 14.2.0 6, wcwidth 6
right border in a terminal: 9, 9
new spelling: rich 15.0.0 6, wcwidth 6
old spelling: rich 15.0.0 5, wcwidth 6
right border in a terminal: 9, 10
TEXT
cmp -s seen expected
