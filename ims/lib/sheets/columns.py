"""Find the columns a sheet needs by their headings."""

from collections.abc import Mapping, Sequence

from ims.lib.sheets.errors import SheetError

TOLD, TOLD_CHARACTERS = 20, 40  # of the headings that were found


def find_columns(header: Sequence[str], wanted: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Map each field to the index of its column. `wanted` is {field: its headings, the usual one first}.

    Headings are compared without regard to case and blanks; of two alike the first counts.
    """
    positions: dict[str, int] = {}
    for index, heading in enumerate(header):
        positions.setdefault(_key(heading), index)
    found = {
        field: next((positions[_key(alias)] for alias in aliases if _key(alias) in positions), None)
        for field, aliases in wanted.items()
    }
    missing = [wanted[field] for field, index in found.items() if index is None]
    if missing:
        raise SheetError(_complaint(missing, header))
    return {field: index for field, index in found.items() if index is not None}


def _complaint(missing: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    names = ", ".join(f"“{aliases[0]}”" for aliases in missing)
    filled = [heading.strip() for heading in header if heading.strip()]
    present = ", ".join(f"“{heading[:TOLD_CHARACTERS]}”" for heading in filled[:TOLD]) or "no headings"
    if len(filled) > TOLD:
        present += f" and {len(filled) - TOLD} more"
    word = "Column" if len(missing) == 1 else "Columns"
    return f"{word} {names} missing; found {present}. Name the columns in the first row and upload again."


def _key(heading: str) -> str:
    return " ".join(heading.split()).casefold()
