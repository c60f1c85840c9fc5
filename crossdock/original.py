"""The original query: one part, straight from the offers. Slow and simple; the view must say the same."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.timezone import now

from crossdock.keys import key
from crossdock.models import BrandAlias, Offer
from crossdock.view import BEST, Found


def query_supplier_data(
    brand: str,
    article: str,
    supplier_list: str,
    *,
    at: datetime | None = None,
    aliases: Mapping[str, str] | None = None,
) -> list[Found]:
    """The best offers for one part from the suppliers of a group: at most three, cheapest first.

    Offers in stock and not older than CROSSDOCK_OFFER_DAYS at `at` (default now); of each supplier the most
    recent, of two as recent the cheaper one; then by price and supplier's name.
    """
    aliases = known_aliases() if aliases is None else aliases
    fresh = (
        Offer.objects.filter(
            supplier__groups__name=supplier_list,
            brand_key__in=names_of(key(brand), aliases),
            article_key=key(article),
            quantity__gt=0,
            updated_at__gte=oldest(at or now()),
        )
        .select_related("supplier")
        .order_by("supplier_id", "-updated_at", "price", "id")
    )
    newest: dict[int, Offer] = {}
    for offer in fresh:
        newest.setdefault(offer.supplier_id, offer)
    cheapest = sorted(
        newest.values(), key=lambda offer: (offer.price, offer.supplier.name, offer.supplier_id)
    )
    return [Found(offer.price, offer.quantity, offer.supplier.name) for offer in cheapest[:BEST]]


def oldest(at: datetime) -> datetime:
    """Offers from then on are fresh."""
    return at - timedelta(days=settings.CROSSDOCK_OFFER_DAYS)


def known_aliases() -> dict[str, str]:
    """The key of each alias → the key of its brand's own name."""
    return dict(BrandAlias.objects.values_list("alias_key", "brand_key"))


def names_of(brand_key: str, aliases: Mapping[str, str]) -> list[str]:
    """The brand's own name and all its aliases, whichever of them is given."""
    own = aliases.get(brand_key, brand_key)
    return [own, *(alias for alias, name in aliases.items() if name == own)]
