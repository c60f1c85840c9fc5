"""Letters for PDFs: whatever a name is written in, a face that has its letters is found.

DejaVu Sans (Latin, Cyrillic, Greek, Arabic, ₹ and more) and Noto Sans Devanagari are embedded. Chinese,
Japanese and Korean are left to the reader's own faces, as PDF allows; what none has is shown as a box.
"""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily
from reportlab.pdfbase.ttfonts import TTFont

VENDOR = Path(__file__).parent.parent / "web" / "static" / "vendor"
TEXT, BOLD, DEVANAGARI = "DejaVuSansCondensed", "DejaVuSansCondensed-Bold", "NotoSansDevanagari"
KOREAN, CHINESE = "HYSMyeongJo-Medium", "STSong-Light"


def embedded(name: str, file: str) -> Callable[[str], bool]:
    """Register a face, which tells what it has."""
    font = TTFont(name, str(VENDOR / file))
    registerFont(font)
    known = font.face.charToGlyph
    return lambda letter: ord(letter) in known


def within(name: str, *spans: tuple[str, str]) -> Callable[[str], bool]:
    """Register a face of the reader's own."""
    registerFont(UnicodeCIDFont(name))
    return lambda letter: any(first <= letter <= last for first, last in spans)


FACES = {
    TEXT: embedded(TEXT, "dejavu/DejaVuSansCondensed.ttf"),
    DEVANAGARI: embedded(DEVANAGARI, "noto-sans-devanagari/NotoSansDevanagari-Regular.ttf"),
    KOREAN: within(KOREAN, ("\u1100", "\u11ff"), ("\u3130", "\u318f"), ("\uac00", "\ud7af")),
    CHINESE: within(CHINESE, ("\u2e80", "\u9fff"), ("\uf900", "\ufaff"), ("\uff00", "\uffef")),
}
embedded(BOLD, "dejavu/DejaVuSansCondensed-Bold.ttf")
registerFontFamily(TEXT, normal=TEXT, bold=BOLD, italic=TEXT, boldItalic=BOLD)
for face in (DEVANAGARI, KOREAN, CHINESE):
    registerFontFamily(face, normal=face, bold=face, italic=face, boldItalic=face)


def face_of(letter: str) -> str:
    return next((name for name, has in FACES.items() if has(letter)), TEXT)


def marked_up(text: str) -> str:
    """Text for a Paragraph set in TEXT: escaped, and in other faces where that one has no such letters."""
    runs = ((face, escape("".join(letters))) for face, letters in groupby(text, face_of))
    return "".join(run if face == TEXT else f'<font name="{face}">{run}</font>' for face, run in runs)
