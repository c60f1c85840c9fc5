"""Imports of price lists for pages and API alike: queued in one transaction, and how far they are."""

from typing import IO, Any

from django.db import transaction

from crossdock import offers
from crossdock.models import OfferImport, Supplier
from crossdock.tasks import import_offers
from ims.accounts.models import User
from ims.lib import audit
from scheduling import job


def begin(content: IO[bytes], name: str, supplier: Supplier | None, user: User | None) -> OfferImport:
    """Keep a price list and queue its import. Raises SheetError for a file that cannot be used."""
    kept = offers.receive(content, name, supplier, user)  # before the transaction, which others may wait for
    with transaction.atomic():
        kept.save()
        audit.record("cross_dock.import_offers", f"offer_import:{kept.pk}", user, after={"file": name})
        kept.job_id = import_offers.enqueue(import_id=kept.pk).id
        kept.save(update_fields=["job_id", "updated_at"])
    return kept


def state_of(chosen: OfferImport) -> dict[str, Any]:
    """state: running, failed or done."""
    if chosen.finished_at:
        return {"state": "done"}
    handle = job(chosen.job_id)
    if chosen.error or handle.is_lost:
        lines = (handle.error or "").strip().splitlines()
        return {"state": "failed", "error": chosen.error or (lines[-1] if lines else "")}
    return {"state": "running", "percent": chosen.report.get("percent") if chosen.report else None}
