"""How brands and articles are compared: without regard to case and to blanks around them."""

from typing import Any

from django.db import models

LONGEST = 100  # characters of a brand or an article
LONGEST_KEY = 3 * LONGEST  # case-folding makes up to three letters of one


def key(text: str) -> str:
    return text.strip().casefold()


class KeyField(models.CharField):  # type: ignore[type-arg]
    """The key of another field of the same row, kept whenever the row is written, in bulk too."""

    def __init__(self, *, of: str = "", **options: Any) -> None:
        super().__init__(**{"max_length": LONGEST_KEY, "editable": False, **options})
        self.of = of

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        return name, path, args, {**options, "of": self.of}

    def pre_save(self, row: models.Model, add: bool) -> str:
        value = key(getattr(row, self.of))
        setattr(row, self.attname, value)
        return value
