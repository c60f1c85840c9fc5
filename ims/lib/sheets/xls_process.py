"""python -I xls_process.py BYTES SECONDS < old.xls > rows.json: the first sheet of an .xls.

xlrd trusts what it reads: a file of some KB can make it turn for ever, or take all memory. In a process of
its own that harms nobody: it ends after so many seconds, or beyond so many bytes of memory, whatever becomes
of who started it. Only xlrd is imported, for a quick start.

It writes JSON, a line each: whether days count from 1904 and how many rows follow; then every row, of its
cells kind and value.
"""

import io
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import xlrd

# Exit codes; 1 is Python's own: the file is damaged.
ENCRYPTED, NO_SHEET, TOO_MUCH, DISK_FULL = 3, 4, 5, 6
TOO_LONG = -signal.SIGALRM
MOST_BYTES = 300_000_000  # written: the same text may stand in millions of cells
GLANCE = 0.02  # seconds between two looks at the memory


def main(most_memory: int, most_time: float) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # it ends the process, in the midst of a search too
    signal.setitimer(signal.ITIMER_REAL, most_time)
    threading.Thread(target=watch, args=(most_memory,), daemon=True).start()
    book = opened(sys.stdin.buffer.read())
    if not book.nsheets:
        sys.exit(NO_SHEET)
    sheet = book.sheet_by_index(0)
    try:
        write(sheet, is_mac=bool(book.datemode))
        sys.stdout.buffer.flush()
    except OSError:
        os._exit(DISK_FULL)  # at once: the usual way out would write again


def opened(content: bytes) -> Any:
    try:
        return xlrd.open_workbook(
            file_contents=content, on_demand=True, ragged_rows=True, logfile=io.StringIO()
        )
    except xlrd.XLRDError as error:
        if "encrypted" in str(error):
            sys.exit(ENCRYPTED)
        raise


def write(sheet: Any, *, is_mac: bool) -> None:
    written = put([is_mac, sheet.nrows])
    for index in range(sheet.nrows):
        written += put([[cell.ctype, cell.value] for cell in sheet.row(index)])
        if written > MOST_BYTES:
            sys.exit(TOO_MUCH)


def put(values: list[Any]) -> int:
    return sys.stdout.buffer.write(json.dumps(values, ensure_ascii=False).encode() + b"\n")


def watch(most: int) -> None:
    """A limit by the system would be shorter; services under systemd may not set one."""
    page = os.sysconf("SC_PAGE_SIZE")
    memory = Path("/proc/self/statm")
    while memory.exists():  # on Linux
        if int(memory.read_text().split()[1]) * page > most:
            os._exit(TOO_MUCH)
        time.sleep(GLANCE)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
