"""A picture of boxes and arrows as SVG, made from a description in TOML.

    size = [width, height]            of the picture, in pixels
    [[box]]   name, at = [x, y], size = [width, height], title, lines = [...], kind
    [[arrow]] kind, way = [[x, y], ...], label = [...], at = [x, y] (middle of the label)
    [[note]]  at, text                free text
    [[key]]   kind, text              a line of the legend

A box's kind gives its colour, an arrow's kind its colour and dashes. An arrow with `both = true`
has two heads. The end of an arrow may name a side of a box: "worker.left", or "worker.left+20"
for 20 pixels below or to the right of the middle of that side. What is drawn over something else
is an error: text must be readable.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, Final
from xml.sax.saxutils import escape

_SPACE: Final = "http://www.w3.org/2000/svg"
FONT: Final = "DejaVu Sans, Verdana, Noto Sans CJK SC, Microsoft YaHei, sans-serif"
TITLE_PX: Final = 16
TEXT_PX: Final = 13
LINE_PX: Final = 18
"""From one line of text to the next."""
PAD_PX: Final = 12
"""From the edge of a box to its text."""
FILLS: Final[Mapping[str, tuple[str, str]]] = {
    "person": ("#fff4d6", "#b07d00"),
    "terminal": ("#e2f3e4", "#2f7d3b"),
    "process": ("#e3edfb", "#2b5fa8"),
    "store": ("#f6e3e3", "#a63a3a"),
    "outside": ("#efefef", "#6b6b6b"),
    "later": ("#ffffff", "#9a9a9a"),
    "group": ("#fafafa", "#8a8a8a"),
}
"""Kind of box to its fill and its edge."""
STROKES: Final[Mapping[str, tuple[str, str]]] = {
    "http": ("#2b5fa8", ""),
    "mqtt": ("#2f7d3b", ""),
    "redis": ("#a63a3a", ""),
    "light": ("#b07d00", ""),
    "hand": ("#6b6b6b", ""),
    "later": ("#9a9a9a", "6 5"),
}
"""Kind of arrow to its colour and its dashes."""


class PictureError(Exception):
    """The description does not make a readable picture; says what is wrong."""


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle; x and y are its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: "Area") -> bool:
        """Say whether two rectangles overlap."""
        across = self.x < other.x + other.width and other.x < self.x + self.width
        return across and self.y < other.y + other.height and other.y < self.y + self.height

    def holds(self, other: "Area") -> bool:
        """Say whether another rectangle lies wholly inside."""
        right = other.x + other.width <= self.x + self.width
        below = other.y + other.height <= self.y + self.height
        return self.x <= other.x and self.y <= other.y and right and below

    def side(self, name: str, shift: float) -> tuple[float, float]:
        """Return a point on a side, `shift` pixels from its middle."""
        middle_x, middle_y = self.x + self.width / 2, self.y + self.height / 2
        return {
            "left": (self.x, middle_y + shift),
            "right": (self.x + self.width, middle_y + shift),
            "top": (middle_x + shift, self.y),
            "bottom": (middle_x + shift, self.y + self.height),
        }[name]


Point = tuple[float, float]


def draw(description: str) -> str:
    """Return the SVG of a description.

    Raises:
        PictureError: something lies over something else, or does not fit.
    """
    told = tomllib.loads(description)
    width, height = told["size"]
    boxes = {box["name"]: Area(*box["at"], *box["size"]) for box in told["box"]}
    ways = [_way(arrow["way"], boxes) for arrow in told["arrow"]]
    _check(told, boxes, ways, Area(0, 0, width, height))
    lines = [
        f'<svg xmlns="{_SPACE}" viewBox="0 0 {width} {height}" font-family="{FONT}">',
        f"<title>{escape(told['title'])}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *_heads(),
        *(line for box in told["box"] for line in _box(box, boxes[box["name"]])),
        *map(_arrow, told["arrow"], ways),
        *(line for arrow in told["arrow"] if "label" in arrow for line in _label(arrow)),
        *map(_note, told["note"]),
        *_legend(told["key"], told["legend"]),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _way(points: Sequence[Any], boxes: Mapping[str, Area]) -> list[Point]:
    found: list[Point] = []
    for point in points:
        if isinstance(point, str):
            name, _, side = point.partition(".")
            for sign in "+-":
                word, at, shift = side.partition(sign)
                if at:
                    found.append(boxes[name].side(word, float(sign + shift)))
                    break
            else:
                found.append(boxes[name].side(side, 0))
        else:
            # None of the two: the same as the point before.
            x, y = point
            found.append((found[-1][0] if x == "=" else x, found[-1][1] if y == "=" else y))
    return found


def _check(
    told: Mapping[str, Any], boxes: Mapping[str, Area], ways: Sequence[list[Point]], all_: Area
) -> None:
    kinds = {box["name"]: box["kind"] for box in told["box"]}
    solid = {name: area for name, area in boxes.items() if kinds[name] != "group"}
    labels = {" ".join(arrow["label"]): _area(arrow) for arrow in told["arrow"] if "label" in arrow}
    for (one, a), (two, b) in combinations([*solid.items(), *labels.items()], 2):
        if a.meets(b):
            raise PictureError(f"{one!r} and {two!r} overlap")
    for name, area in [*boxes.items(), *labels.items()]:
        if not all_.holds(area):
            raise PictureError(f"{name!r} is not in the picture")
    for box in told["box"]:
        need = _width(box["title"], TITLE_PX) + 2 * PAD_PX
        need = max([need, *(_width(line, TEXT_PX) + 2 * PAD_PX for line in box.get("lines", ()))])
        tall = 2 * PAD_PX + LINE_PX * (1 + len(box.get("lines", ())))
        if need > boxes[box["name"]].width or tall > boxes[box["name"]].height:
            raise PictureError(f"the text of {box['name']!r} needs {need:.0f} x {tall}")
    for arrow, way in zip(told["arrow"], ways, strict=True):
        for start, end in pairwise(way):
            _check_piece(arrow, start, end, solid, labels)


def _check_piece(
    arrow: Mapping[str, Any],
    start: Point,
    end: Point,
    solid: Mapping[str, Area],
    labels: Mapping[str, Area],
) -> None:
    """Hold a straight piece of an arrow against boxes and the labels of other arrows."""
    if start[0] != end[0] and start[1] != end[1]:
        raise PictureError(f"the arrow {arrow['way']} is not level or upright")
    left, top = min(start[0], end[0]), min(start[1], end[1])
    piece = Area(left, top, abs(start[0] - end[0]) or 0.1, abs(start[1] - end[1]) or 0.1)
    own = " ".join(arrow.get("label", ()))
    for name, area in [*solid.items(), *labels.items()]:
        inner = Area(area.x + 1, area.y + 1, area.width - 2, area.height - 2)
        if name != own and piece.meets(inner):
            raise PictureError(f"the arrow {arrow['way']} crosses {name!r}")


def _heads() -> Iterator[str]:
    yield "<defs>"
    for kind, (colour, _) in STROKES.items():
        yield (
            f'<marker id="{kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7"'
            f' markerHeight="7" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z"'
            f' fill="{colour}"/></marker>'
        )
    yield "</defs>"


def _box(box: Mapping[str, Any], area: Area) -> Iterator[str]:
    fill, edge = FILLS[box["kind"]]
    dashes = ' stroke-dasharray="6 5"' if box["kind"] in ("later", "group") else ""
    yield (
        f'<rect {_place(area)} rx="8" fill="{fill}" stroke="{edge}" stroke-width="1.6"{dashes}/>'
    )
    x, y = area.x + PAD_PX, area.y + PAD_PX + TITLE_PX - 2
    yield _text(x, y, box["title"], TITLE_PX, "start", edge, bold=True)
    for number, line in enumerate(box.get("lines", ()), 1):
        yield _text(x, y + number * LINE_PX, line, TEXT_PX, "start", "#222222")


def _place(area: Area) -> str:
    return f'x="{area.x:g}" y="{area.y:g}" width="{area.width:g}" height="{area.height:g}"'


def _arrow(arrow: Mapping[str, Any], way: Sequence[Point]) -> str:
    colour, dashes = STROKES[arrow["kind"]]
    points = " ".join(f"{x:g},{y:g}" for x, y in way)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    begin = f' marker-start="url(#{arrow["kind"]})"' if arrow.get("both") else ""
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashed}{begin}'
        f' marker-end="url(#{arrow["kind"]})"/>'
    )


def _label(arrow: Mapping[str, Any]) -> Iterator[str]:
    area, colour = _area(arrow), STROKES[arrow["kind"]][0]
    yield f'<rect {_place(area)} fill="#ffffff" fill-opacity="0.92"/>'
    for number, line in enumerate(arrow["label"]):
        y = area.y + TEXT_PX + number * (LINE_PX - 2)
        yield _text(area.x + area.width / 2, y, line, TEXT_PX, "middle", colour)


def _area(arrow: Mapping[str, Any]) -> Area:
    """Return the room that an arrow's label takes."""
    width = max(_width(line, TEXT_PX) for line in arrow["label"]) + 6
    height = len(arrow["label"]) * (LINE_PX - 2) + 2
    return Area(arrow["at"][0] - width / 2, arrow["at"][1] - height / 2, width, height)


def _note(note: Mapping[str, Any]) -> str:
    x, y = note["at"]
    return _text(x, y, note["text"], TEXT_PX, "start", "#444444")


def _legend(keys: Sequence[Mapping[str, Any]], at: Sequence[float]) -> Iterator[str]:
    x, y = at
    for key in keys:
        colour, dashes = STROKES[key["kind"]]
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        yield (
            f'<line x1="{x:g}" y1="{y:g}" x2="{x + 40:g}" y2="{y:g}" stroke="{colour}"'
            f' stroke-width="2"{dashed} marker-end="url(#{key["kind"]})"/>'
        )
        yield _text(x + 50, y + 4, key["text"], TEXT_PX, "start", "#222222")
        x += 50 + _width(key["text"], TEXT_PX) + 28


def _text(
    x: float, y: float, text: str, size: int, anchor: str, colour: str, *, bold: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"'
        f' fill="{colour}"{weight}>{escape(text)}</text>'
    )


def _width(text: str, size: int) -> float:
    """Return about how wide a text is; a Chinese character is as wide as it is high."""
    return sum(size if ord(letter) > 0x2E80 else size * 0.62 for letter in text)
