"""Which character set a line has that is not UTF-8: said by its name, with what to do."""

from typing import Final

_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


def other_character_set(data: bytes) -> str | None:
    """Name the character set of a line; None: it is UTF-8.

    Spreadsheets in China write GBK, which GB 18030 extends; text of other sets may look like it.
    """
    try:
        data.decode()
    except UnicodeDecodeError:
        if data.startswith(_MARKS):
            return "UTF-16"
        try:
            data.rstrip(b"\r\n").decode("gb18030")
        except UnicodeDecodeError:
            return "neither UTF-8 nor GBK"
        return "GBK (GB 18030)"
    return "UTF-16" if b"\0" in data[:64] else None


def advice(found: str) -> str:
    """Say what to do with such a file."""
    if found.startswith("GBK"):
        return f"it is {found}, not UTF-8: save it as `CSV UTF-8`, or run iconv -f GB18030 -t UTF-8"
    return f"it is {found}: save it as UTF-8"
