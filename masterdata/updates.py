"""Ask Track123 about packing slips and keep what it answers: one result per order.

The vendor is never asked inside a transaction, and one order's error never fails another.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import DatabaseError, OperationalError, transaction
from django.utils.timezone import now

from ims.lib.secrets import CURE, UnreadableSecret
from masterdata import alerts, parcels, slips
from masterdata.halving import Refused, ask_in_halves
from masterdata.models import GoogleDriveSettings, PackingSlip, Parcel
from masterdata.track123_service import (
    ParcelRef,
    ParcelState,
    QueryResult,
    Track123Client,
    Track123Error,
)

logger = logging.getLogger(__name__)

Result = dict[str, Any]  # one order's result, ready for JSON
NUMBERS_PER_QUERY = 100  # Track123's limit
MOST_ROUNDS = 3  # of questions about a parcel whose webhooks come faster than the answers
NO_KEY = "No Track123 API key configured"
NO_NUMBER = "No tracking number: enter one, and the vendor that carries it"
DELETED = "The packing slip was deleted while Track123 was asked"
NO_VENDOR = "No tracking vendor: enter the courier's code, e.g. fedex, ups or usps"


@dataclass
class Answers:
    """What Track123 said, by number in capitals."""

    asked_at: datetime
    states: dict[str, ParcelState] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def api_keys() -> list[str]:
    """The keys of the active settings rows, oldest row first; one that cannot be decrypted is none."""
    rows = GoogleDriveSettings.objects.filter(is_active=True).order_by("id")
    keys = list(rows.values_list("track123_api_key", flat=True))
    if any(isinstance(key, UnreadableSecret) for key in keys):
        logger.error("A stored Track123 API key is not used. %s", CURE)
    return [key.strip() for key in keys if key.strip()]


def api_key() -> str:
    """The key that is used: the first one; empty where there is none."""
    return next(iter(api_keys()), "")


def update_now(slip_ids: Sequence[int]) -> list[Result]:
    """As update_slips, but where Track123 cannot be asked that is the result of each slip."""
    try:
        return update_slips(slip_ids)
    except (Track123Error, OperationalError) as error:
        return [failure(slip, str(error)) for slip in PackingSlip.objects.filter(pk__in=slip_ids)]


def update_order(order_id: str) -> list[Result]:
    """Ask about all packing slips of an order; nothing where there is none."""
    slip_ids = PackingSlip.objects.filter(order_id=order_id).order_by("id").values_list("pk", flat=True)
    return update_now(list(slip_ids))


def update_slips(slip_ids: Sequence[int]) -> list[Result]:
    """Ask about these slips and return their results in the same order; raises Track123Error."""
    found = PackingSlip.objects.prefetch_related("parcels").in_bulk(slip_ids)
    chosen = [found[slip_id] for slip_id in slip_ids if slip_id in found]
    key = api_key()
    results = {slip.pk: result for slip in chosen if (result := unasked(slip, key))}
    asked = [slip for slip in chosen if slip.pk not in results]
    if mended := slips.keep_parcels_of(asked):
        found |= PackingSlip.objects.prefetch_related("parcels").in_bulk(mended)
        asked = [found[slip.pk] for slip in asked]
    answers = ask(key, [parcel for slip in asked for parcel in slip.parcels.all()])
    results |= keep(asked, answers)
    return [results[slip.pk] for slip in chosen]


def update_number(number: str) -> list[Result]:
    """Ask about the slips of a parcel that is said to have moved, once more if it moved meanwhile."""
    results: list[Result] = []
    for _ in range(MOST_ROUNDS):
        results = update_slips(slips.carrying(number))
        if not slips.moved_since_asked(number):
            break
    return results


def unasked(slip: PackingSlip, key: str) -> Result | None:
    """The result of a slip that Track123 is not to be asked about."""
    if slips.is_delivered(slip):
        return {"success": True, "skipped": True, "order_id": slip.order_id, "message": "Already delivered"}
    if slips.is_unfollowed(slip):
        return {"success": True, "skipped": True, "order_id": slip.order_id, "message": parcels.NOT_FOLLOWED}
    if not slips.entered_numbers(slip.tracking_ids):
        return failure(slip, NO_NUMBER)
    if not slips.courier(slip):
        return failure(slip, NO_VENDOR)
    return None if key else failure(slip, NO_KEY)


def failure(slip: PackingSlip, error: str) -> Result:
    return {"success": False, "order_id": slip.order_id, "error": error}


def ask(key: str, asked: Iterable[Parcel]) -> Answers:
    """Query Track123; numbers it does not know yet are registered and asked for once more."""
    answers = Answers(asked_at=now())
    open_parcels = [parcel for parcel in asked if parcel.is_followed]
    if not open_parcels:
        return answers
    client = Track123Client(key)
    query(client, open_parcels, answers)
    unknown = [p for p in open_parcels if p.registered_at is None and p.number.upper() in answers.errors]
    registered, refused = register(client, unknown)
    answers.errors |= refused
    query(client, registered, answers)
    return answers


def query(client: Track123Client, asked: Sequence[Parcel], answers: Answers) -> None:
    for chunk in chunks(references(asked)):
        for answer in ask_in_halves(client.query, chunk):
            if isinstance(answer, Refused):
                answers.errors |= reasons(answer)
            else:
                _sort_out(*answer, answers)


def _sort_out(chunk: Sequence[ParcelRef], outcome: QueryResult, answers: Answers) -> None:
    told = {state.number.upper(): state for state in outcome.parcels}
    refused = {rejection.number.upper(): rejection.message for rejection in outcome.rejected}
    for number in (reference.number.upper() for reference in chunk):
        answers.errors.pop(number, None)
        if number in told:
            answers.states[number] = told[number]
        else:
            answers.errors[number] = refused.get(number, "Track123 gave no answer")


def reasons(refused: Refused) -> dict[str, str]:
    return dict.fromkeys((reference.number.upper() for reference in refused.refs), refused.reason)


def register(client: Track123Client, unknown: Sequence[Parcel]) -> tuple[list[Parcel], dict[str, str]]:
    """Tell Track123 to follow these parcels; returns those it took, and why it refused the others."""
    taken: set[str] = set()
    refused: dict[str, str] = {}
    for chunk in chunks(references(unknown)):
        for answer in ask_in_halves(client.register, chunk):
            if isinstance(answer, Refused):
                refused |= reasons(answer)
            else:
                taken |= {number.upper() for number in answer[1].accepted}
                refused |= {item.number.upper(): item.message for item in answer[1].rejected}
    registered = [parcel for parcel in unknown if parcel.number.upper() in taken]
    Parcel.objects.filter(pk__in=[parcel.pk for parcel in registered]).update(registered_at=now(), error="")
    return registered, refused


def register_slips(slip_ids: Sequence[int]) -> int:
    """Tell Track123 of these slips' new numbers; returns how many it took. Raises Track123Error."""
    new = Parcel.objects.filter(slip__in=slip_ids, registered_at=None, asked_at=None).exclude(courier_code="")
    key, unknown = api_key(), list(new)
    if not key or not unknown:
        return 0
    registered, refused = register(Track123Client(key), unknown)
    parcels.record_errors(unknown, refused)
    return len(registered)


def references(asked: Iterable[Parcel]) -> list[ParcelRef]:
    """Each number once, though two slips may carry it."""
    unique = {(parcel.number.upper(), parcel.courier_code): parcel for parcel in asked}
    return [ParcelRef(parcel.number, parcel.courier_code) for parcel in unique.values()]


def chunks(references: Sequence[ParcelRef]) -> Iterable[Sequence[ParcelRef]]:
    return (references[i : i + NUMBERS_PER_QUERY] for i in range(0, len(references), NUMBERS_PER_QUERY))


def keep(asked: Sequence[PackingSlip], answers: Answers) -> dict[int, Result]:
    """Write the slips' answers and say what they changed; one that cannot be written harms no other."""
    slip_ids = [slip.pk for slip in asked]
    try:
        with transaction.atomic():  # what is kept is told, and told once
            changes = parcels.record_answers(slip_ids, answers.states, answers.errors, answers.asked_at)
            troubled = [parcel for change in changes.values() for parcel in change.troubled]
            alerts.tell_trouble(troubled, answers.asked_at)
    except OperationalError:
        raise  # the database itself is busy or away: the whole batch may be tried again
    except DatabaseError as error:
        if len(asked) > 1:
            return {slip.pk: result for slip in asked for result in keep([slip], answers).values()}
        logger.exception("The answer for packing slip %s could not be kept", *slip_ids)
        return {slip.pk: failure(slip, f"The answer could not be kept: {error}") for slip in asked}
    return {slip.pk: result_of(slip, answers, changes.get(slip.pk)) for slip in asked}


def result_of(slip: PackingSlip, answers: Answers, change: parcels.Change | None) -> Result:
    if change is None:
        return failure(slip, DELETED)
    numbers = [parcel.number for parcel in slip.parcels.all()]
    if refused := [f"{n}: {answers.errors[n.upper()]}" for n in numbers if n.upper() in answers.errors]:
        return failure(slip, "; ".join(refused))
    return {
        "success": True,
        "order_id": slip.order_id,
        "tracking_number": ", ".join(numbers),
        "old_status": change.old_status,
        "new_status": change.new_status,
        "is_delivered": change.is_delivered,
    }
