"""What a file is that is neither a picture that can be looked at nor a text: said in one row.

A kind shows in the first bytes. A file of no kind that is known here, with bytes that no text has,
is called just that.
"""

import re
from typing import Final, NamedTuple

from verifier.barcode.bounds import MAX_PICTURE_BYTES, MAX_PIXELS, MAX_SIDE_PIXELS, Cause
from verifier.contract.reasons import Language

PDF_WITHIN: Final = 1024
"""Bytes in which a PDF begins; readers take what mail systems put before it."""


class UnreadFile(NamedTuple):
    """Why nothing was read in a file."""

    code: str
    """`picture.…` as the doors say it, or `file.unsupported`."""
    en: str
    zh: str

    def sentences(self) -> dict[str, str]:
        """Return what a person reads, by language."""
        return {Language.ZH.value: self.zh, Language.EN.value: self.en}


_MIB: Final = MAX_PICTURE_BYTES // (1024 * 1024)
REFUSED_PICTURES: Final = {
    Cause.TOO_LARGE: UnreadFile(
        "picture.too_large",
        f"The picture's file has more than {_MIB} MiB. Save it smaller.",
        f"图片文件超过 {_MIB} MiB。请缩小后再试。",
    ),
    Cause.TOO_MANY_PIXELS: UnreadFile(
        "picture.too_many_pixels",
        f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels,"
        f" or over {MAX_SIDE_PIXELS} on a side. Reduce it.",
        f"图片超过 {MAX_PIXELS // 10_000} 万像素，或一边超过 {MAX_SIDE_PIXELS} 像素。请缩小。",
    ),
    Cause.TRUNCATED: UnreadFile(
        "picture.truncated",
        "The picture is damaged or cut short. Save or send it again.",
        "图片已损坏或不完整。请重新保存或发送。",
    ),
    Cause.UNSUPPORTED: UnreadFile(
        "picture.unsupported",
        "The picture is of a kind that is not read. Save it as a plain PNG or JPEG.",
        "不支持这种图片。请另存为普通的 PNG 或 JPEG。",
    ),
}

_PICTURES: Final = {
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM.{4}\0{4}",
    "TIFF": rb"II\*\0|MM\0\*|II\+\0|MM\0\+",
    "HEIC/AVIF": rb".{4}ftyp(?:hei|hev|mif1|msf1|avi)",
    "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "JPEG 2000": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "ICO": rb"\x00\x00\x01\x00",
    "PSD": rb"8BPS",
    "SVG": rb"(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,400}?-->\s*)?(?:<!DOCTYPE svg[^>]*>\s*)?<svg\b",
}
_OTHERS: Final = {
    "ZIP or Office document": (rb"PK(?:\x03\x04|\x05\x06)", "ZIP 或 Office 文档"),
    "old Office document": (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "旧版 Office 文档"),
    "gzip file": (rb"\x1f\x8b", "gzip 文件"),
    "7-Zip file": (rb"7z\xbc\xaf\x27\x1c", "7-Zip 文件"),
    "RAR file": (rb"Rar!\x1a\x07", "RAR 文件"),
    "xz file": (rb"\xfd7zXZ\0", "xz 文件"),
    "Zstandard file": (rb"\x28\xb5\x2f\xfd", "Zstandard 文件"),
    "bzip2 file": (rb"BZh[1-9]1AY", "bzip2 文件"),
    "video": (rb".{4}ftyp|\x1aE\xdf\xa3|RIFF.{4}AVI ", "视频"),
    "sound file": (rb"ID3[\x02-\x04]|OggS|fLaC|RIFF.{4}WAVE", "音频文件"),
    "program": (rb"\x7fELF", "程序文件"),
    "SQLite database": (rb"SQLite format 3\0", "SQLite 数据库"),
    "PostScript file": (rb"%!PS", "PostScript 文件"),
    "RTF document": (rb"\{\\rtf", "RTF 文档"),
    "web page": (rb"(?i:<!doctype html|<html\b)", "网页"),
    "XML file": (rb"<\?xml\b", "XML 文件"),
    "UTF-16 text": (rb"\xff\xfe|\xfe\xff", "UTF-16 文本"),
    "private key or certificate": (rb"-----BEGIN ", "密钥或证书文件"),
}
_KINDS: Final = tuple(
    (re.compile(rb"(?:\xef\xbb\xbf)?\s{0,64}(?:" + pattern + rb")", re.DOTALL), en, zh, advice)
    for table, advice in (
        (
            {name: (pattern, f"{name} 图片") for name, pattern in _PICTURES.items()},
            ("Save it as PNG or JPEG.", "请另存为 PNG 或 JPEG。"),
        ),
        (_OTHERS, ("Give a picture of the code, or its text.", "请提供码的图片或文本。")),
    )
    for en, (pattern, zh) in table.items()
)
_PDF_ADVICE: Final = (
    "Save the page with the code as PNG or JPEG.",
    "请把有码的页面另存为 PNG 或 JPEG。",
)
_NO_TEXT: Final = re.compile(rb"[\x00\x01\x05-\x08\x0e-\x1a\x7f]")
"""Bytes that neither a text has nor a scanner adds."""


def unread(start: bytes) -> UnreadFile | None:
    """Say what a file is by its first bytes; None: it may be a text.

    A picture of a kind that is read is for the reader of pictures, asked before.
    """
    if b"%PDF-" in start[:PDF_WITHIN]:
        return _of("PDF document", "PDF 文档", *_PDF_ADVICE)
    for pattern, en, zh, advice in _KINDS:
        if pattern.match(start):
            return _of(en if en in _OTHERS else f"picture of the kind {en}", zh, *advice)
    if _NO_TEXT.search(start) or not _is_text(start):
        advice = ("Give a picture of the code, or its text.", "请提供码的图片或文本。")
        return _of("binary file", "二进制文件", *advice)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        advice = ("Write one object on each line, with the member text.", "请每行写一个对象。")
        return _of("JSON file with not one object on each line", "非逐行对象的 JSON 文件", *advice)
    return None


def _of(en: str, zh: str, do: str, do_zh: str) -> UnreadFile:
    return UnreadFile(
        "file.unsupported",
        f"The file is no picture and no text of codes: {en}. {do}",
        f"该文件不是图片，也不是码的文本：{zh}。{do_zh}",
    )


def _is_text(start: bytes) -> bool:
    """Say whether bytes are UTF-8 or another character set of texts; GB 18030 is common here."""
    for encoding in ("utf-8", "gb18030"):
        try:
            start.decode(encoding)
        except UnicodeDecodeError as error:
            # A character that is cut where the bytes end says nothing.
            if error.start < len(start) - 4 or error.start == 0:
                continue
        return True
    return False


PLAIN_TEXT: Final = _of(
    "text without a code on any line",
    "没有码的文本",
    "Give a picture of the code, or its text.",
    "请提供码的图片或文本。",
)
"""Of a file of several lines of which none begins like a code."""
