"""Work out all licences, in batches by primary key: what the nightly task, the command and the page do.

A batch is first only looked at. Where something is wrong it is written by `recalculation`, which locks those
licences alone and adds up again. So a batch is right whenever it commits, whatever others write meanwhile; a
run that is killed leaves whole batches, and the next run begins anew.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date

from django.db import DatabaseError, OperationalError

from licensing import recalculation
from licensing.balances_sql import Differences, FigureTooLarge, differences
from licensing.models import License
from licensing.report import Report

BATCH = 500  # licences
Tell = Callable[[int, int], None]  # how many licences are done, of how many


def nobody(done: int, total: int) -> None:
    pass


def sync(
    today: date,
    *,
    numbers: Collection[str] = (),
    items: bool = True,
    dry: bool = False,
    batch_size: int = BATCH,
    tell: Tell = nobody,
    stop: Callable[[], bool] = lambda: False,
) -> Report:
    """Bring licences in step, all or those of these numbers; returns what was changed, or would be."""
    chosen = License.objects.filter(license_number__in=numbers) if numbers else License.objects.all()
    report = Report(dry=dry, items=items, total=chosen.count())
    tell(0, report.total)
    for licence_ids in batches(chosen.values_list("pk", flat=True), batch_size):
        if stop():
            report.stopped = True
            break
        look_at(licence_ids, today, report)
        tell(report.checked, max(report.checked, report.total))
    report.tell_overdrawn(chosen.filter(overdrawn_cif__gt=0).values_list("license_number", "overdrawn_cif"))
    return report


def recalculate_stale(today: date, tell: Tell = nobody) -> int:
    """Work out what a large change has left, and what further ones leave meanwhile; returns how many."""
    report = Report()
    stale = License.objects.filter(is_stale=True).values_list("pk", flat=True)
    for licence_ids in batches(stale, BATCH):
        look_at(licence_ids, today, report)
        tell(report.checked, report.checked + stale.count())
    report.raise_errors()
    return report.checked


def batches(ids: Iterable[int], size: int) -> Iterator[list[int]]:
    """By primary key, each batch asked for anew after the last one: nothing is skipped or repeated."""
    after = 0
    while found := list(ids.filter(pk__gt=after).order_by("pk")[:size]):  # type: ignore[attr-defined]
        yield found
        after = found[-1]


def look_at(licence_ids: list[int], today: date, report: Report) -> None:
    """One batch; where it fails as a whole, one licence after the other, so that one harms no other."""
    try:
        found = put_right(licence_ids, today, report)
    except OperationalError:
        raise  # the database itself is in trouble, not a licence: the job's next attempt begins anew
    except (DatabaseError, FigureTooLarge, ArithmeticError):
        for licence_id in licence_ids:
            look_at_one(licence_id, today, report)
    else:
        report.add(len(licence_ids), found)


def look_at_one(licence_id: int, today: date, report: Report) -> None:
    """A licence that fails keeps its figures as they are, and is told."""
    try:
        found = put_right([licence_id], today, report)
    except OperationalError:
        raise
    except (DatabaseError, FigureTooLarge, ArithmeticError) as error:
        number = License.objects.filter(pk=licence_id).values_list("license_number", flat=True).first()
        report.fail(number or f"id {licence_id}", str(error))
    else:
        report.add(1, found)


def put_right(licence_ids: list[int], today: date, report: Report) -> Differences:
    found = differences(licence_ids, today, items=report.items)
    if report.dry or not found:
        return found
    wrong = {change.licence_id for change in found.licences} | {change.licence_id for change in found.items}
    return recalculation.recalculate(sorted(wrong), today, items=report.items)
