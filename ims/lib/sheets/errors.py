"""What can be wrong with an uploaded sheet, and how large it may be."""

from dataclasses import dataclass


class SheetError(Exception):
    """The file cannot be used. The message tells the uploader what is wrong and what to do."""

    permanent = True  # reading the same file again will not help


@dataclass(frozen=True)
class Limits:
    """A cell with a value beyond these is refused; empty cells beyond them are overlooked."""

    file_bytes: int = 50_000_000
    unpacked_bytes: int = 600_000_000  # all parts of an .xlsx together
    ratio: int = 200  # unpacked to packed, of parts over 5 MB
    parts: int = 2_000  # files inside an .xlsx
    rows: int = 500_000
    columns: int = 200
    cell_characters: int = 32_767  # Excel's own limit
    shared_strings: int = 3_000_000
    shared_characters: int = 100_000_000
