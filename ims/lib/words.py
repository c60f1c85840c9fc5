"""Words that are translated when they are shown, in whose language."""

from typing import TYPE_CHECKING

__all__ = ["Words"]

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise as Words
else:
    Words = str
