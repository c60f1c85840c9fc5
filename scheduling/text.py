"""Text that every database can hold."""


def printable(value: object) -> str:
    """Without NUL, which PostgreSQL refuses, and halves of characters, which no file can hold."""
    text = str(value).replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-8", "replace").decode()
