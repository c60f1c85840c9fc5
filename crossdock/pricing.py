"""Price many parts: from the view of best offers, or by the original query, and say which and why."""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from django.db import DatabaseError

from crossdock import view
from crossdock.keys import key
from crossdock.models import Supplier
from crossdock.original import known_aliases, oldest, query_supplier_data
from crossdock.view import Found, Part

logger = logging.getLogger(__name__)

VIEW, QUERY = "view", "query"
BETWEEN_LOOKS = 50  # parts by the original query, then `tell` is called


class Pricer:
    """Prices the parts of one request, all as of the same moment."""

    def __init__(self, group: str, at: datetime) -> None:
        self.group = group
        self.at = at
        self.aliases = known_aliases()
        members = Supplier.objects.filter(groups__name=group).values_list("pk", "name")
        self.suppliers = sorted(members, key=lambda member: (member[1], member[0]))
        self.reason = view.distrust(at)

    @property
    def source(self) -> str:
        return QUERY if self.reason else VIEW

    def part(self, brand: str, article: str) -> Part:
        name = key(brand)
        return self.aliases.get(name, name), key(article)

    def best(self, parts: Iterable[Part], tell: Callable[[], None] = lambda: None) -> dict[Part, list[Found]]:
        """The best offers for each part; parts without any are left out.

        When the view fails, these parts and all later ones are priced by the original query.
        """
        asked = list(dict.fromkeys(parts))
        if not self.reason:
            try:
                return self._from_view(asked)
            except DatabaseError as error:
                logger.warning("The view of best offers failed, the original query goes on: %s", error)
                self.reason = f"The view of best offers failed: {str(error).strip().splitlines()[0]}"
        return self._from_offers(asked, tell)

    def _from_view(self, parts: Sequence[Part]) -> dict[Part, list[Found]]:
        found: dict[Part, list[Found]] = {}
        for place, offer in view.ask(parts, self.suppliers, oldest(self.at)):
            found.setdefault(parts[place], []).append(offer)
        return found

    def _from_offers(self, parts: Sequence[Part], tell: Callable[[], None]) -> dict[Part, list[Found]]:
        found: dict[Part, list[Found]] = {}
        for number, part in enumerate(parts):
            if number % BETWEEN_LOOKS == 0:
                tell()
            if best := query_supplier_data(*part, self.group, at=self.at, aliases=self.aliases):
                found[part] = best
        return found
