"""Invoice numbers: INV-2026-000001 and on, without gaps, by the year where operations are."""

from django.db.models import F

from logistics.billing.models import InvoiceCounter


def take(year: int) -> str:
    """The year's next number. Call it last in the transaction of its invoice: all others wait until its end,
    and where that is a rollback the number is free again."""
    InvoiceCounter.objects.get_or_create(year=year)
    InvoiceCounter.objects.filter(year=year).update(last=F("last") + 1)  # this locks the row
    return f"INV-{year}-{InvoiceCounter.objects.get(year=year).last:06d}"
