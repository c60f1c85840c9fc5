"""Text that every database can hold, and the gist of a traceback."""

GIST_LENGTH = 300


def printable(value: object) -> str:
    """Without NUL, which PostgreSQL refuses, and halves of characters, which no file can hold."""
    text = str(value).replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-8", "replace").decode()


def gist(error: str) -> str:
    """What an error says in one line: of a traceback the exception and its message's first line.

    >>> gist('Traceback (most recent call last):\\n  File "x"\\nValueError: no\\nmore')
    'ValueError: no'
    """
    lines = [line for line in error.strip().splitlines() if line.strip()]
    starts = [number for number, line in enumerate(lines) if "Traceback (most recent" in line]
    if starts:
        lines = [line for line in lines[starts[-1] + 1 :] if not line.startswith((" ", "\t"))]
    return (lines[0] if lines else "")[:GIST_LENGTH]
