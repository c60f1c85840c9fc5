"""Open the zip of a workbook, unless it would take more memory or disk than it should."""

import io
import zipfile
from typing import IO

from ims.lib.sheets.damage import DAMAGED
from ims.lib.sheets.errors import Limits, SheetError

MOST_DIRECTORY = 1_000_000  # bytes of the list of parts; 500 for each of the 2,000 that are allowed
SMALL_PART = 5_000_000  # bytes
LONGEST_END = 65_535 + 22  # bytes: a comment, behind the record that ends a zip
LOCATOR, WIDE_END = 20, 56  # bytes: what zip64 has before that record


def open_archive(file: IO[bytes], limits: Limits) -> zipfile.ZipFile:
    if _directory_size(file) > MOST_DIRECTORY:
        raise SheetError("The workbook has a list of parts that no Excel writes: it is refused.")
    archive = zipfile.ZipFile(file)
    _check_parts(archive.infolist(), limits)
    return archive


def _directory_size(file: IO[bytes]) -> int:
    """How long the list of parts is, found as zipfile finds it, which takes in all of it before we can count.

    Some programs write zip64's record for small files, too: then it is the one that counts.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - LONGEST_END - LOCATOR - WIDE_END))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if not 0 <= end <= len(tail) - 22:
        raise SheetError(DAMAGED)
    locator, wide_end = end - LOCATOR, end - LOCATOR - WIDE_END
    if wide_end >= 0 and tail.startswith(b"PK\x06\x07", locator) and tail.startswith(b"PK\x06\x06", wide_end):
        return int.from_bytes(tail[wide_end + 40 : wide_end + 48], "little")
    return int.from_bytes(tail[end + 12 : end + 16], "little")


def _check_parts(infos: list[zipfile.ZipInfo], limits: Limits) -> None:
    """Refuse a zip that would unpack to more than it should, before anything is unpacked."""
    if len(infos) > limits.parts:
        raise SheetError(f"The workbook has {len(infos):,} parts, which no Excel writes: it is refused.")
    if any(info.flag_bits & 1 for info in infos):
        raise SheetError("The file is protected by a password: save it without one and upload it again.")
    if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
        raise SheetError(DAMAGED)
    swollen = any(
        info.file_size > SMALL_PART and info.file_size > limits.ratio * max(1, info.compress_size)
        for info in infos
    )
    if swollen or sum(info.file_size for info in infos) > limits.unpacked_bytes:
        raise SheetError("The workbook unpacks to far more than its size: remove empty rows or split it.")
