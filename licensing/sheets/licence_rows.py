"""Licences with their items: each row is one export or import item, the licence's own cells repeated."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from ims.imports.report import Report
from ims.imports.rows import Column, Row, read_flag
from ims.imports.writing import store_changed, take_over
from licensing import entering, ledger
from licensing.models import ExportItem, ImportItem, License, PurchaseStatus
from licensing.sheets.kind import LedgerSheet

EXPORT, IMPORT = "export", "import"
OWN = ("license_date", "expiry_date", "exporter", "port", "scheme_code", "notification_code",
       "purchase_status", "is_active")  # fmt: skip
EXPORTED = ("description", "norm_class", "quantity", "net_quantity", "unit", "fob", "cif_fc", "cif_inr")
IMPORTED = ("hs_code", "description", "quantity", "unit", "cif_fc", "is_restricted",
            "restriction_percentage", "norm_class")  # fmt: skip
TOLD = ("available_quantity", "available_value", "debited_quantity", "debited_value", "allotted_quantity",
        "allotted_value")  # fmt: skip


def read_line(text: str) -> str:
    if text.lower() not in (EXPORT, IMPORT):
        raise ValidationError(f"“{text[:20]}” is neither export nor import.")
    return text.lower()


def read_status(text: str) -> str:
    known = {name.lower(): each.value for each in PurchaseStatus for name in (each.value, str(each.label))}
    if text.lower() not in known:
        raise ValidationError(f"“{text[:20]}” is none of {', '.join(PurchaseStatus.values)}.")
    return known[text.lower()]


class LicenceRows(LedgerSheet):
    name = "licences"
    title = "Licences with export and import items"
    quantity = "quantity"
    columns = {
        "license_number": Column(
            ("Licence number", "License number", "DFIA number"), License, "license_number", is_needed=True
        ),
        "license_date": Column(("Licence date", "License date"), License, "license_date"),
        "expiry_date": Column(("Expiry date", "Valid until"), License, "expiry_date"),
        "exporter": Column(("Exporter",), License, "exporter"),
        "port": Column(("Port", "Port of registration"), License, "port"),
        "scheme_code": Column(("Scheme", "Scheme code"), License, "scheme_code"),
        "notification_code": Column(("Notification", "Notification code"), License, "notification_code"),
        "purchase_status": Column(("Purchase status",), read=read_status),
        "is_active": Column(("Active",), read=read_flag),
        "line": Column(("Line", "Line type"), read=read_line),
        "serial": Column(("Serial", "Item"), ImportItem, "serial"),
        "hs_code": Column(("HS code", "HSN", "HSN code"), ImportItem, "hs_code"),
        "description": Column(("Description", "Goods"), ImportItem, "description"),
        "norm_class": Column(("Norm class", "Norm", "SION"), ImportItem, "norm_class"),
        "quantity": Column(("Quantity",), ImportItem, "quantity"),
        "net_quantity": Column(("Net quantity",), ExportItem, "net_quantity"),
        "unit": Column(("Unit",), ImportItem, "unit"),
        "fob": Column(("FOB USD", "FOB"), ExportItem, "fob"),
        "cif_fc": Column(("CIF USD", "CIF"), ImportItem, "cif_fc"),
        "cif_inr": Column(("CIF INR",), ExportItem, "cif_inr"),
        "is_restricted": Column(("Restricted",), read=read_flag),
        "restriction_percentage": Column(
            ("Restriction percentage", "Restriction %"), ImportItem, "restriction_percentage"
        ),
    }
    told = ("Available quantity", "Available USD", "Debited quantity", "Debited USD", "Allotted quantity",
            "Allotted USD", "Licence balance USD", "Overdrawn USD")  # fmt: skip
    example = ("0310837893", "2026-01-15", "2028-01-14", "Sweet Exports", "INNSA1", "26", "025/2023", "own",
               "yes", "import", 1, "1701", "Sugar", "E1", "5000.000", "", "kg", "", "12000.00", "", "yes",
               "10")  # fmt: skip

    def __init__(self) -> None:
        self.exports_seen: defaultdict[int, int] = defaultdict(int)  # by licence, over the whole file
        self.serials_seen: dict[tuple[str, int], int] = {}

    def enter(self, rows: Sequence[Row], report: Report, block: ledger.Changes) -> None:
        rows = [row for row in rows if self.is_sound(row, report)]
        licences, made, differing = self.licences(rows, block)
        imports, exports = stored_items(licences)
        new: list[Any] = []
        changed: list[Any] = []
        for row in rows:
            licence = licences[row.values["license_number"]]
            target, name = self.target(row, licence, imports, exports)
            own = differing.pop(row.number, {})
            if target is None:
                told_new = row.number in made
                report.tell_new(row, name) if told_new else report.tell(row, name, own)
                continue
            values = item_values(row, target)
            if target._state.adding:
                take_over(target, values)
                new.append(target)
                report.tell_new(row, name)
            else:
                difference = take_over(target, values)
                changed += [target] if difference else []
                report.tell(row, name, {**own, **difference})
        tables: list[tuple[Any, tuple[str, ...]]] = [(ImportItem, IMPORTED), (ExportItem, EXPORTED)]
        for model, fields in tables:
            model.objects.bulk_create([each for each in new if isinstance(each, model)])
            store_changed(model, [each for each in changed if isinstance(each, model)], fields)

    def is_sound(self, row: Row, report: Report) -> bool:
        """Whether an import item has its serial, and has it once in the file."""
        values = row.values
        if values.get("line") == IMPORT or ("line" not in values and "serial" in values):
            serial = values.get("serial")
            if not serial:
                report.refuse(
                    [self.error(row, "serial", "It is empty: an import item needs its serial number.")]
                )
                return False
            first = self.serials_seen.setdefault((values["license_number"], serial), row.number)
            if first != row.number:
                same = f"Same licence and serial as row {first}: remove one of them."
                report.refuse([self.error(row, "serial", same)])
                return False
        return True

    def licences(
        self, rows: Sequence[Row], block: ledger.Changes
    ) -> tuple[dict[str, License], set[int], dict[int, Any]]:
        """The licences of these rows by number, the rows that make one, what rows change of known ones."""
        numbers = {row.values["license_number"] for row in rows}
        block.take(License.objects.filter(license_number__in=numbers).values_list("pk", flat=True))
        known = License.objects.in_bulk(numbers, field_name="license_number")
        before = {licence.pk: entering.entered(licence) for licence in known.values()}
        made: dict[str, License] = {}
        making: set[int] = set()
        differing: dict[int, dict[str, tuple[Any, Any]]] = {}
        for row in rows:
            number = row.values["license_number"]
            own = {name: row.values[name] for name in OWN if name in row.values}
            if number not in known and number not in made:
                made[number] = License(license_number=number)
                making.add(row.number)
            difference = take_over(known.get(number) or made[number], own)
            if number in known and difference:
                differing[row.number] = difference
        License.objects.bulk_create(made.values())
        store_changed(
            License, (known[row.values["license_number"]] for row in rows if row.number in differing), OWN
        )
        whole = {**known, **made}
        block.take(licence.pk for licence in whole.values())
        for licence in whole.values():
            entering.note(block, licence, before.get(licence.pk))
        return whole, making, differing

    def target(
        self,
        row: Row,
        licence: License,
        imports: dict[tuple[int, int], ImportItem],
        exports: dict[int, list[ExportItem]],
    ) -> tuple[ImportItem | ExportItem | None, str]:
        """The item that a row is, stored or new; none for a row of the licence alone."""
        line = row.values.get("line") or (IMPORT if "serial" in row.values else "")
        if line == IMPORT:
            serial = row.values["serial"]
            found = imports.get((licence.pk, serial))
            return found or ImportItem(license=licence, serial=serial), f"{licence} item {serial}"
        if line != EXPORT:
            return None, str(licence)
        place = self.exports_seen[licence.pk]
        self.exports_seen[licence.pk] += 1
        own = exports[licence.pk]
        name = f"{licence} export {place + 1}"
        return own[place] if place < len(own) else ExportItem(license=licence), name

    @classmethod
    def export(cls, found: QuerySet[License]) -> Iterator[list[Any]]:
        whole = found.prefetch_related("export_items", "import_items")
        for licence in whole.iterator(chunk_size=500):
            items: list[Any] = [*licence.export_items.all(), *licence.import_items.all()]
            for item in items or [None]:
                yield cells(licence, item)


def stored_items(
    licences: dict[str, License],
) -> tuple[dict[tuple[int, int], ImportItem], dict[int, list[ExportItem]]]:
    ids = [licence.pk for licence in licences.values()]
    imports = {(item.license_id, item.serial): item for item in ImportItem.objects.filter(license__in=ids)}
    exports: defaultdict[int, list[ExportItem]] = defaultdict(list)
    for export in ExportItem.objects.filter(license__in=ids).order_by("pk"):
        exports[export.license_id].append(export)
    return imports, exports


def item_values(row: Row, target: ImportItem | ExportItem) -> dict[str, Any]:
    fields = IMPORTED if isinstance(target, ImportItem) else EXPORTED
    return {name: row.values[name] for name in fields if name in row.values}


def cells(licence: License, item: ImportItem | ExportItem | None) -> list[Any]:
    fields = {None: (), ImportItem: ("serial", *IMPORTED), ExportItem: EXPORTED}[type(item) if item else None]
    values = {name: getattr(item, name) for name in fields}
    line = IMPORT if isinstance(item, ImportItem) else EXPORT if isinstance(item, ExportItem) else ""
    own: dict[str, Any] = {name: getattr(licence, name) for name in ("license_number", *OWN)}
    row = {**own, **values, "line": line}
    for name in ("is_active", "is_restricted"):
        if name in row:
            row[name] = "yes" if row[name] else "no"
    told = [getattr(item, name) if isinstance(item, ImportItem) else None for name in TOLD]
    return [
        *(row.get(name) for name in LicenceRows.columns),
        *told,
        licence.balance_cif,
        licence.overdrawn_cif,
    ]
