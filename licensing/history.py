"""What the history of a licence tells, in people's words: of each field, from what to what."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.formats import date_format

from ims.imports.report import shown
from licensing.models import Allotment, BillOfEntry, ImportItem, LedgerChange, License
from licensing.models.fields import MoneyField
from licensing.rows import LedgerRow
from licensing.templatetags.licences import qty, usd

POINTED_TO: dict[str, models.QuerySet[Any]] = {  # by fields of these names
    "license": License.objects.all(),
    "item": ImportItem.objects.select_related("license"),
    "bill_of_entry": BillOfEntry.objects.all(),
    "allotment": Allotment.objects.all(),
}
NOTHING = {"0", "0.00", "0.000", "0.0000", "False"}  # not worth a word of a row that came or went

Names = dict[str, dict[str, str]]  # of what a field points to: by the field, then by the id


@dataclass(frozen=True)
class Line:
    """One change and its fields: 'quantity: 10 → 12', or the values of a row that came or left."""

    change: LedgerChange
    differences: list[str]


def told(changes: Iterable[LedgerChange]) -> list[Line]:
    """In as many statements as there are kinds of things that fields point to."""
    every = list(changes)
    names = {field: names_of(field, every) for field in POINTED_TO}
    return [Line(change, differences(change, names)) for change in every]


def names_of(field: str, changes: Sequence[LedgerChange]) -> dict[str, str]:
    of_interest = [change for change in changes if is_of_interest(change, field)]
    ids = {each[field] for change in of_interest for each in (change.before, change.after) if field in each}
    found = POINTED_TO[field].in_bulk(ids) if ids else {}
    return {str(pk): str(row) for pk, row in found.items()}


def differences(change: LedgerChange, names: Names) -> list[str]:
    model = model_of(change)
    fields = {field.name: field for field in model._meta.concrete_fields} if model else {}
    kept = {**change.before, **change.after}
    in_order = [name for name in {**fields, **kept} if name in kept and is_of_interest(change, name)]
    return [difference(change, name, fields.get(name), names.get(name, {})) for name in in_order]


def is_of_interest(change: LedgerChange, name: str) -> bool:
    """What changed always is; of a row that came or went, what it held."""
    if change.action == "changed":
        return True
    return name != "license" and {**change.before, **change.after}.get(name) not in NOTHING


def model_of(change: LedgerChange) -> type[LedgerRow] | None:
    """By the name of its row, e.g. 'BOE row 12'."""
    kind = change.row.rstrip("0123456789").strip()
    return next((model for model in LedgerRow.__subclasses__() if model._meta.verbose_name == kind), None)


def difference(change: LedgerChange, name: str, field: Any, names: dict[str, str]) -> str:
    label = str(field.verbose_name) if field else name.replace("_", " ")
    old, new = (words(values.get(name), field, names) for values in (change.before, change.after))
    if change.action == "changed":
        return f"{label}: {old} → {new}"
    return f"{label}: {old if change.before else new}"


def words(text: str | None, field: Any, names: dict[str, str]) -> str:
    """A stored value as people read it; — where the field was empty."""
    if text is None or field is None or field.is_relation:
        return names.get(text or "", shown(text))
    value = field.to_python(text)
    if field.choices:
        return str(dict(field.flatchoices).get(value, text))
    if isinstance(value, Decimal):
        return usd(value) if isinstance(field, MoneyField) else qty(value)
    return date_format(value, "j M Y") if isinstance(value, date) else shown(value)
