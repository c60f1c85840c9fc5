"""Ledger rows: models whose every change is followed by the recalculation of the licences it touches.

Whoever writes, through save, delete, bulk_create, bulk_update, update or a relation's add and remove, ends up
here: the licences are locked before the row is written, and worked out before the transaction ends.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import models

from ims.lib.models import BaseModel
from licensing import ledger

Row = TypeVar("Row", bound="LedgerRow")
FIGURES = (  # that are worked out
    "available_quantity",
    "available_value",
    "debited_quantity",
    "debited_value",
    "allotted_quantity",
    "allotted_value",
)
AT_ONCE = 10_000  # rows looked up in one statement
NOT_TOLD = {"id", "created_at", "updated_at", *FIGURES}  # not worth a line in the history


@dataclass(frozen=True)
class Facts:
    """A stored row: its licences, its name, and what it says."""

    licences: frozenset[int]
    name: str
    values: dict[str, str]


class LedgerQuerySet(models.QuerySet[Row]):
    def bulk_create(self, objs: Iterable[Row], *args: Any, **options: Any) -> list[Row]:
        rows = list(objs)
        with ledger.changes() as block:
            homes = licences_of(self.model, rows)
            block.take(set().union(*homes))
            made = super().bulk_create(rows, *args, **options)
            for row, licences in zip(rows, homes, strict=True):
                block.note(licences, "added", name_of(row), {}, told(row))
        return made

    def bulk_update(self, objs: Iterable[Row], *args: Any, **options: Any) -> int:
        with ledger.changes():  # it calls update() for each batch
            return super().bulk_update(objs, *args, **options)

    def update(self, **values: Any) -> int:
        if not self.model.is_input(values):
            return super().update(**values)
        with ledger.changes() as block:
            before = facts_of(self)
            block.take(all_licences(before))
            count = super().update(**values)
            after = facts_of(self.model._base_manager.filter(pk__in=before))
            block.take(all_licences(after))
            for pk, old in before.items():
                tell(block, old, after.get(pk))
        return count

    update.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        with ledger.changes() as block:
            before = facts_of(self)
            block.take(all_licences(before))
            count = super().delete()
            for old in before.values():
                tell(block, old, None)
        return count

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class LedgerRow(BaseModel):
    """Subclass with `license_path`, the way to the licences, and `inputs`, what their figures are made of."""

    license_path = ""
    more_license_paths: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()

    objects = LedgerQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        with ledger.changes() as block:
            old = None if self._state.adding else stored(self)
            [licences] = licences_of(type(self), [self])
            block.take(licences | (old.licences if old else frozenset()))
            super().save(*args, **kwargs)
            tell(block, old, stored(self) or facts(self, licences))

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with ledger.changes() as block:
            old = stored(self)
            block.take(old.licences if old else ())
            count = super().delete(*args, **kwargs)
            if old:
                tell(block, old, None)
        return count

    @classmethod
    def is_input(cls, names: Iterable[str]) -> bool:
        attributes = {cls._meta.get_field(name).attname for name in cls.inputs}  # type: ignore[union-attr]
        return any(name in cls.inputs or name in attributes for name in names)

    @classmethod
    def all_paths(cls) -> tuple[str, ...]:
        return (cls.license_path, *cls.more_license_paths)


# --- Which licences a row belongs to --------------------------------------------------------------------


def facts_of(found: models.QuerySet[Any]) -> dict[int, Facts]:
    """Every row of a query with its licences."""
    ids = list(found.order_by().values_list("pk", flat=True))
    parts = [facts_by_id(found.model, ids[start : start + AT_ONCE]) for start in range(0, len(ids), AT_ONCE)]
    return {pk: each for part in parts for pk, each in part.items()}


def facts_by_id(model: type[LedgerRow], ids: Sequence[int]) -> dict[int, Facts]:
    """Stored rows with their licences, in one statement and one more for each way to the licences."""
    rows = model._base_manager.in_bulk(ids)
    homes: dict[int, set[int]] = {pk: set() for pk in rows}
    for path in model.all_paths():
        ways = model._base_manager.filter(pk__in=rows).exclude(**{path: None})
        for pk, licence_id in ways.values_list("pk", path).distinct():
            homes[pk].add(licence_id)
    return {pk: facts(row, homes[pk]) for pk, row in rows.items()}


def stored(row: LedgerRow) -> Facts | None:
    return facts_by_id(type(row), [row.pk]).get(row.pk)


def licences_of(model: type[LedgerRow], rows: Iterable[LedgerRow]) -> list[set[int]]:
    """The licences of rows that may not be stored yet, through what they point to."""
    first, _, rest = model.license_path.partition("__")
    field = model._meta.get_field(first)
    if not isinstance(field, models.ForeignKey):
        return [set() for _ in rows]  # nothing points to a row that is not stored
    pointers = [pointer_of(row, field) for row in rows]
    if not rest:
        return [set() if pointer is None else {pointer} for pointer in pointers]
    known: dict[int, set[int]] = {}
    targets = field.related_model._base_manager.filter(pk__in=set(pointers)).exclude(**{rest: None})
    for pk, licence_id in targets.values_list("pk", rest).distinct():
        known.setdefault(pk, set()).add(licence_id)
    return [known.get(pointer, set()) if pointer else set() for pointer in pointers]


def pointer_of(row: LedgerRow, field: Any) -> int | None:
    """The id that a foreign key has, or will have: what it points to may have been saved since."""
    pointer: int | None = getattr(row, field.attname)
    if pointer is None and field.is_cached(row) and (target := getattr(row, field.name)) is not None:
        pointer = target.pk
    return pointer


def all_licences(rows: Mapping[int, Facts]) -> set[int]:
    return {licence_id for each in rows.values() for licence_id in each.licences}


# --- What the history tells -----------------------------------------------------------------------------


def tell(block: ledger.Changes, old: Facts | None, new: Facts | None) -> None:
    """Note what became of a row: what differs alone, and nothing where nothing does."""
    before, after = old.values if old else {}, new.values if new else {}
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if not differing:
        return
    action = "changed" if old and new else "added" if new else "deleted"
    licences = (old.licences if old else frozenset()) | (new.licences if new else frozenset())
    block.note(
        sorted(licences),
        action,
        (new or old).name,  # type: ignore[union-attr]
        {name: text for name, text in before.items() if name in differing},
        {name: text for name, text in after.items() if name in differing},
    )


def facts(row: LedgerRow, licences: Iterable[int]) -> Facts:
    return Facts(frozenset(licences), name_of(row), told(row))


def name_of(row: LedgerRow) -> str:
    return f"{row._meta.verbose_name} {row.pk or ''}".strip()


def told(row: models.Model) -> dict[str, str]:
    """The row's fields as text, empty ones left out."""
    values = {
        field.name: field.value_to_string(row)
        for field in row._meta.concrete_fields
        if field.name not in NOT_TOLD
    }
    return {name: text for name, text in values.items() if text not in ("", "None")}
