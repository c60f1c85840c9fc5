"""The view of best offers: made anew, asked for many parts at once, and whether it can be trusted.

It holds the offers of every supplier under their brands' own names; quantity and age count when it is asked.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.timezone import now

from crossdock.models import OfferChange, PriceView
from ims.lib.locks import one_at_a_time

BEST = 3  # offers for a part
LOCK_MILLISECONDS = 1_000  # to wait for a view that somebody has locked
ASK_MILLISECONDS = 30_000  # for one batch
REFRESH_LOCK = 0x42455354
BATCH = 1_000
CENT = Decimal("0.01")

Part = tuple[str, str]  # keys of the brand, under its own name, and of the article

SOURCE = """
    SELECT offer.id, COALESCE(alias.brand_key, offer.brand_key), offer.article_key,
           offer.supplier_id, offer.price, offer.quantity, offer.updated_at
    FROM crossdock_offer offer LEFT JOIN crossdock_brandalias alias ON alias.alias_key = offer.brand_key
"""
ASKED = {
    "postgresql": (
        "SELECT * FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS a (brand_key, article_key, n)"
    ),
    "sqlite": (
        "SELECT b.value AS brand_key, a.value AS article_key, b.key + 1 AS n "
        "FROM json_each(%s) b JOIN json_each(%s) a ON a.key = b.key"
    ),
}
MEMBER = {  # whether a supplier is asked, and which comes first by name
    "postgresql": "best.supplier_id = ANY(%s::bigint[])",
    "sqlite": "best.supplier_id IN (SELECT value FROM json_each(%s))",
}
PLACE = {
    "postgresql": "array_position(%s::bigint[], supplier_id)",
    "sqlite": "(SELECT key FROM json_each(%s) WHERE value = supplier_id)",
}
QUESTION = """
    WITH asked AS ({asked}),
    fresh AS (
        SELECT asked.n, best.supplier_id, best.price, best.quantity,
               ROW_NUMBER() OVER (PARTITION BY asked.n, best.supplier_id
                                  ORDER BY best.updated_at DESC, best.price, best.id) AS newness
        FROM asked
        JOIN crossdock_best_offer best
          ON best.article_key = asked.article_key AND best.brand_key = asked.brand_key
        WHERE {member} AND best.quantity > 0 AND best.updated_at >= %s
    ),
    ranked AS (
        SELECT n, supplier_id, price, quantity,
               ROW_NUMBER() OVER (PARTITION BY n ORDER BY price, {place}) AS rank
        FROM fresh WHERE newness = 1
    )
    SELECT n, supplier_id, price, quantity FROM ranked WHERE rank <= %s ORDER BY n, rank
"""


@dataclass(frozen=True)
class Found:
    """One of the best offers for a part."""

    price: Decimal
    quantity: int
    supplier: str


def distrust(at: datetime) -> str:
    """Why the view may not be asked now; empty where it may."""
    made = PriceView.objects.first()
    if not exists():
        return "The view of best offers is missing: run `manage.py migrate crossdock`."
    if made is None:
        return "The view of best offers was never made."
    if OfferChange.objects.exists():
        return "Offers were written since the view of best offers was made."
    if at - made.refreshed_at > timedelta(minutes=settings.CROSSDOCK_VIEW_MINUTES):
        return f"The view of best offers is older than {settings.CROSSDOCK_VIEW_MINUTES} minutes."
    return ""


def exists() -> bool:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT to_regclass('crossdock_best_offer') IS NOT NULL")
        else:
            cursor.execute("SELECT count(*) > 0 FROM sqlite_master WHERE name = 'crossdock_best_offer'")
        return bool(cursor.fetchone()[0])


def ask(
    parts: Sequence[Part], suppliers: Sequence[tuple[int, str]], since: datetime
) -> Iterator[tuple[int, Found]]:
    """The best offers of these suppliers (id and name, in order of names) for each part, by its place.

    Raises DatabaseError where the view is locked, broken or gone.
    """
    names = dict(suppliers)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
            cursor.execute(f"SET LOCAL statement_timeout = {ASK_MILLISECONDS}")
        cursor.execute(_question(), _parameters(parts, list(names), since))
        rows = cursor.fetchall()
    for n, supplier_id, price, quantity in rows:
        yield n - 1, Found(Decimal(str(price)).quantize(CENT), quantity, names[supplier_id])


def _question() -> str:
    vendor = connection.vendor
    return QUESTION.format(asked=ASKED[vendor], member=MEMBER[vendor], place=PLACE[vendor])


def _parameters(parts: Sequence[Part], suppliers: list[int], since: datetime) -> list[Any]:
    lists: list[list[object]] = [[part[0] for part in parts], [part[1] for part in parts], [*suppliers]]
    as_json = connection.vendor != "postgresql"
    brands, articles, members = (json.dumps(each) if as_json else each for each in lists)
    return [brands, articles, members, connection.ops.adapt_datetimefield_value(since), members, BEST]


def refresh() -> PriceView:
    """Make the view anew. What is written meanwhile leaves a note that stays, so it is not trusted."""
    started = time.monotonic()
    with transaction.atomic():
        one_at_a_time(REFRESH_LOCK)
        begun = now()
        seen = list(OfferChange.objects.values_list("pk", flat=True))
        rows = _fill()
        for start in range(0, len(seen), BATCH):
            OfferChange.objects.filter(pk__in=seen[start : start + BATCH]).delete()
        facts = {"refreshed_at": begun, "rows": rows, "seconds": time.monotonic() - started}
        return PriceView.objects.update_or_create(pk=1, defaults=facts)[0]


def _fill() -> int:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            concurrently = "CONCURRENTLY" if _is_filled() else ""
            cursor.execute(f"REFRESH MATERIALIZED VIEW {concurrently} crossdock_best_offer")
            cursor.execute("ANALYZE crossdock_best_offer")
        else:
            cursor.execute("DELETE FROM crossdock_best_offer")
            cursor.execute(f"INSERT INTO crossdock_best_offer {SOURCE}")
        cursor.execute("SELECT count(*) FROM crossdock_best_offer")
        return int(cursor.fetchone()[0])


def _is_filled() -> bool:
    """A restored database may have the view without its rows; then nobody can read it anyway."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ispopulated FROM pg_matviews WHERE matviewname = 'crossdock_best_offer'")
        row = cursor.fetchone()
    return bool(row and row[0])
