"""Whatever a damaged or hostile workbook runs into becomes one sentence for its uploader."""

import errno
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from xml.parsers import expat

from ims.lib.sheets.errors import SheetError

DAMAGED = "The workbook is damaged: open it in Excel, save it again as .xlsx and upload that."
DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    expat.ExpatError,
    EOFError,
    NotImplementedError,  # an old or encrypted kind of zip
    ValueError,  # a number of 5,000 digits, a name that is no UTF-8, a place before the beginning
    LookupError,  # an encoding that does not exist
    OverflowError,  # a place beyond what a file can have
)


@contextmanager
def damage() -> Iterator[None]:
    """Only around code that looks at the file; trouble of the storage stays what it is, for it may pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # EINVAL: a place before the beginning
            raise
        raise SheetError(DAMAGED) from error
    except DAMAGES as error:
        raise SheetError(DAMAGED) from error
