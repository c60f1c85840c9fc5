"""Parse the XML parts of a workbook chunk by chunk: no tree is built, what is not wanted is not kept."""

import zipfile
from collections.abc import Iterator
from typing import Protocol
from xml.parsers import expat

from ims.lib.sheets.archive import SMALL_PART
from ims.lib.sheets.damage import DAMAGED
from ims.lib.sheets.errors import SheetError

CHUNK = 65_536  # bytes
MAX_TAG = 1_000_000  # bytes without a single event: one tag of absurd length
MAX_DEPTH = 100  # elements within one another: each costs memory until it ends
MAX_ELEMENTS = 100_000  # to be kept of a small part; Excel has at most 65,490 formats of cells


class Reader(Protocol):
    """Is told of a part's content; its `depth` is how many elements are open."""

    depth: int

    def start(self, name: str, attributes: dict[str, str]) -> None: ...

    def end(self, name: str) -> None: ...

    def text(self, data: str) -> None: ...


def parse(archive: zipfile.ZipFile, part: str, reader: Reader) -> Iterator[int]:
    """Yields after each chunk how many bytes are parsed."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    fed = 0
    with archive.open(part) as source:
        while chunk := source.read(CHUNK):
            parser.Parse(chunk, False)
            fed += len(chunk)
            if fed - parser.CurrentByteIndex > MAX_TAG or reader.depth > MAX_DEPTH:
                raise SheetError(DAMAGED)
            yield fed
        parser.Parse(b"", True)
        yield fed


def elements(archive: zipfile.ZipFile, part: str, *paths: str) -> dict[str, list[dict[str, str]]]:
    """The attributes of the elements at these paths below the root of a small part."""
    if archive.getinfo(part).file_size > SMALL_PART:
        raise SheetError(DAMAGED)
    picker = _Picker(paths)
    for _ in parse(archive, part, picker):
        pass
    return picker.found


def local(name: str) -> str:
    """An element's name without the prefix that some exports give it."""
    return name.rpartition(":")[2] if ":" in name else name


class _Picker:
    def __init__(self, paths: tuple[str, ...]) -> None:
        self.found: dict[str, list[dict[str, str]]] = {path: [] for path in paths}
        self.deepest = 1 + max(path.count("/") + 1 for path in paths)
        self.open: list[str] = []
        self.depth = self.taken = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > self.deepest:
            return
        self.open[self.depth - 1 :] = [local(name)]
        taken = self.found.get("/".join(self.open[1:]))
        if taken is not None:
            self._take(taken, attributes)

    def _take(self, taken: list[dict[str, str]], attributes: dict[str, str]) -> None:
        self.taken += 1
        if self.taken > MAX_ELEMENTS:
            raise SheetError(DAMAGED)
        taken.append(attributes)

    def end(self, _: str) -> None:
        self.depth -= 1

    def text(self, _: str) -> None:
        """Nothing of it is wanted."""


def _refuse_doctype(*_: object) -> None:
    raise SheetError(
        "The workbook contains a document type definition, which no Excel writes: it is refused."
    )
