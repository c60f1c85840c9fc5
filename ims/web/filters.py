"""The filters above a list, which live in its address: parts/list.html draws them.

class InvoiceFilter(filters.Filter):
    q = filters.search(_("Number, payer or trip"), _("Search by number, payer or trip"))
    status = filters.choice(_("State"), _("All invoices"), STATES.items())
"""

from collections.abc import Iterable
from typing import Any

from django import forms

from ims.lib.words import Words

LONGEST = 200  # characters of a search


class Filter(forms.Form):
    """A value that is none of the choices counts as absent."""

    @property
    def wanted(self) -> dict[str, Any]:
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


def search(placeholder: Words, label: Words) -> forms.CharField:
    """The field of free words; `label` is read aloud."""
    attributes = {"type": "search", "placeholder": placeholder, "aria-label": label}
    return forms.CharField(required=False, max_length=LONGEST, widget=forms.TextInput(attributes))


def choice(label: Words, every: Words, choices: Iterable[tuple[str, Words]] = ()) -> forms.ChoiceField:
    """One of some values, or every one."""
    widget = forms.Select({"aria-label": label})
    return forms.ChoiceField(required=False, choices=[("", every), *choices], widget=widget)


def day(label: Words) -> forms.DateField:
    """A date, with its label beside it: an empty one says nothing of itself."""
    widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(required=False, label=label, widget=widget)
