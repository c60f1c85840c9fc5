"""Everything that is said to and heard from Track123: no other file knows its addresses, fields and codes."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import urllib3
from django.conf import settings

from masterdata.statuses import TransitStatus
from scheduling import Throttle, Throttled

MAX_NUMBERS = 100  # in one request
MAX_ANSWER = 20_000_000  # bytes
MAX_CONNECT = 5.0  # seconds
MAX_WAIT = 3600.0  # seconds; a longer Retry-After is not believed
EVENLY = 0.9  # of the allowed rate: requests that leave evenly arrive a little unevenly
MAX_TEXT = 500  # characters of an event's text or place
WEBHOOK_AGE = timedelta(hours=48)  # Track123 repeats an unanswered webhook for 36 hours

SUCCESS = "00000"
TOO_MANY = "A0706"
SOON = 2.0  # seconds until a request that came too early is tried again
ALREADY_REGISTERED = "A0400"
PASSING_CODES = frozenset({TOO_MANY, "B0001", "B0100", "B0210", "B0300", "B0310"})
PERMANENT_CODES = ("A02", "A03", "A0400", "A0410", "C0113")  # beginnings
KEY_CODES = ("A02", "A03")
KEY_SENTENCE = "Track123 refused the API key ({code}): enter a valid key in the Google Drive settings."


class Track123Error(Exception):
    """Track123 could not be asked. `permanent`: asking again will not help."""

    def __init__(
        self, sentence: str, *, code: str = "", permanent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(sentence)
        self.code = code  # Track123's own, or http_503, timeout, connection, malformed, throttled
        self.permanent = permanent
        self.retry_after = retry_after  # seconds, where Track123 named them


@dataclass(frozen=True)
class ParcelRef:
    number: str
    courier_code: str = ""


@dataclass(frozen=True)
class ParcelEvent:
    at: datetime  # UTC
    status: str  # transitSubStatus, e.g. IN_TRANSIT_01
    description: str
    place: str


@dataclass(frozen=True)
class ParcelState:
    number: str
    status: TransitStatus
    sub_status: str
    delivered_at: datetime | None  # UTC; only where the status is DELIVERED
    last_event_at: datetime | None  # UTC
    courier_code: str
    events: tuple[ParcelEvent, ...] = ()  # newest first


@dataclass(frozen=True)
class Rejection:
    """One number that Track123 would not serve, while others of the same request were."""

    number: str
    code: str  # Track123's own, or no_answer, unreadable
    message: str


@dataclass(frozen=True)
class RegisterResult:
    accepted: tuple[str, ...] = ()  # numbers that are registered now, those registered earlier among them
    rejected: tuple[Rejection, ...] = ()


@dataclass(frozen=True)
class QueryResult:
    parcels: tuple[ParcelState, ...] = ()
    rejected: tuple[Rejection, ...] = ()


class Track123Client:
    """Registers and looks up parcels. All its errors are Track123Error, except a caller's own mistake."""

    def __init__(self, api_key: str, base_url: str | None = None, timeout: float | None = None) -> None:
        self._api_key = _checked_key(api_key)
        self.base_url = (base_url or settings.TRACK123_BASE_URL).rstrip("/") + "/"
        self.timeout = timeout or settings.TRACK123_TIMEOUT_SECONDS  # seconds, for one request as a whole

    def __repr__(self) -> str:
        return f"Track123Client({self.base_url!r})"

    def register(self, refs: Iterable[ParcelRef]) -> RegisterResult:
        """Ask Track123 to follow up to 100 parcels; one that it follows already counts as accepted."""
        asked = _checked_refs(refs)
        if not asked:
            return RegisterResult()
        data = self._post("import", [_ref_fields(ref) for ref in asked])
        rejected = {item.number: item for item in _rejections(data)}
        accepted = {str(item.get("trackNo")) for item in _dicts(data.get("accepted"))}
        accepted |= {number for number, item in rejected.items() if item.code == ALREADY_REGISTERED}
        missing = {ref.number: _no_answer(ref) for ref in asked if ref.number not in accepted}
        return RegisterResult(
            tuple(ref.number for ref in asked if ref.number in accepted),
            tuple(rejected.get(number, item) for number, item in missing.items()),
        )

    def query(self, refs: Iterable[ParcelRef]) -> QueryResult:
        """Look up to 100 parcels up; each comes back either as a state or as a rejection."""
        waiting = {ref.number: ref for ref in _checked_refs(refs)}
        parcels: list[ParcelState] = []
        rejected: list[Rejection] = []
        cursor, seen = None, set[str]()
        body: dict[str, Any] = {
            "trackNoInfos": [_ref_fields(ref) for ref in waiting.values()],
            "queryPageSize": MAX_NUMBERS,
        }
        while waiting:
            data = self._post("query", {**body, "cursor": cursor} if cursor else body)
            found, refused = _read_page(data)
            parcels += [parcel for parcel in found if waiting.pop(parcel.number, None)]
            rejected += [item for item in refused if waiting.pop(item.number, None)]
            cursor = _next_cursor(data)
            if cursor is None:
                break
            if cursor in seen or len(seen) >= MAX_NUMBERS:
                raise Track123Error("Track123's pages never end: it repeats itself.", code="malformed")
            seen.add(cursor)
        return QueryResult(tuple(parcels), (*rejected, *map(_no_answer, waiting.values())))

    # --- one request -----------------------------------------------------------------------------------

    def _post(self, action: str, body: Any) -> dict[str, Any]:
        """Send one request and return the `data` of its answer."""
        self._wait_for_turn(action)
        deadline = time.monotonic() + self.timeout
        try:
            with requests.post(
                f"{self.base_url}tk/v2.1/track/{action}",
                json=body,
                headers={"Track123-Api-Secret": self._api_key, "Accept": "application/json"},
                timeout=(min(MAX_CONNECT, self.timeout), self.timeout),
                allow_redirects=False,  # the key is for this address alone
                stream=True,
            ) as response:
                content = _read_content(response, deadline)
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            sentence = f"Track123 did not answer within {self.timeout:g} seconds."
            raise Track123Error(sentence, code="timeout") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            sentence = f"Track123 cannot be reached at {self.base_url} ({type(error).__name__})."
            raise Track123Error(sentence, code="connection") from error
        return _data(response, content)

    def _wait_for_turn(self, action: str) -> None:
        """Keep to Track123's limit per endpoint, over all workers."""
        per_second = settings.TRACK123_REQUESTS_PER_SECOND * EVENLY
        throttle = Throttle(f"track123.{action}", per_second)
        try:
            throttle.wait(timeout=self.timeout)
        except Throttled as error:
            sentence = "Too many requests to Track123 are waiting for their turn."
            raise Track123Error(sentence, code="throttled", retry_after=error.retry_after) from error


# --- webhook ------------------------------------------------------------------


def read_webhook(body: Any, api_keys: Iterable[str], now: datetime) -> ParcelState:
    """The parcel of a webhook call, after its signature was compared with each of our keys.

    The signature covers only the time, not the parcel: ask Track123 again before believing "delivered".
    """
    if not isinstance(body, dict) or not isinstance(body.get("verify"), dict):
        raise Track123Error("The webhook's body has no data and verify.", code="malformed", permanent=True)
    if not any(_is_signed(body["verify"], key, now) for key in api_keys if key):
        raise Track123Error("The webhook's signature is wrong or too old.", code="signature", permanent=True)
    return read_parcel(body.get("data"))


def _is_signed(verify: Mapping[str, Any], key: str, now: datetime) -> bool:
    timestamp, signature = str(verify.get("timestamp", "")), str(verify.get("signature", "")).lower()
    try:
        seconds = float(timestamp)
        signed_at = datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return False
    genuine = (
        hashlib.sha256((key + timestamp).encode()).hexdigest(),
        hmac.new(key.encode(), timestamp.encode(), hashlib.sha256).hexdigest(),
    )
    matches = [hmac.compare_digest(signature.encode(), digest.encode()) for digest in genuine]
    return any(matches) and abs(now - signed_at) <= WEBHOOK_AGE


# --- reading answers ------------------------------------------------------------------


def read_parcel(item: Any) -> ParcelState:
    """One item of an answer, or the `data` of a webhook."""
    if not isinstance(item, dict) or not item.get("trackNo"):
        raise Track123Error("Track123 sent a parcel without a number.", code="malformed")
    if item.get("transitStatus") not in TransitStatus.values:
        sentence = f"Track123 sent a status that IMS does not know: {_text(item.get('transitStatus'))!r}."
        raise Track123Error(sentence, code="malformed")
    status = TransitStatus(item["transitStatus"])
    logistics = item.get("localLogisticsInfo")
    logistics = logistics if isinstance(logistics, dict) else {}
    timed = sorted(_timed_events(logistics), key=lambda pair: pair[1].at, reverse=True)
    events = tuple(event for _, event in timed)
    by_local_time = {local: event.at for local, event in timed}
    newest = events[0].at if events else None
    delivered_at = _moment(item.get("deliveredTime"), by_local_time) or newest
    return ParcelState(
        number=_text(item["trackNo"]),
        status=status,
        sub_status=_text(item.get("transitSubStatus")),
        delivered_at=delivered_at if status == TransitStatus.DELIVERED else None,
        last_event_at=newest or _moment(item.get("lastTrackingTime"), by_local_time),
        courier_code=_text(logistics.get("courierCode")),
        events=events,
    )


def _timed_events(logistics: dict[str, Any]) -> Iterable[tuple[str, ParcelEvent]]:
    """Each event with the local time it was written at; one without any time has no place in a timeline."""
    for detail in _dicts(logistics.get("trackingDetails")):
        local = _text(detail.get("eventTime"))
        at = _moment(detail.get("eventTimeZeroUTC")) or _moment(f"{local}{_text(detail.get('timezone'))}")
        at = at or _moment(local)
        if at:
            yield (
                local,
                ParcelEvent(
                    at=at,
                    status=_text(detail.get("transitSubStatus")),
                    description=_text(detail.get("eventDetail")),
                    place=_text(detail.get("address")),
                ),
            )


def _moment(value: Any, known: Mapping[str, datetime] | None = None) -> datetime | None:
    """A time in UTC. Parcel times are local ones without a zone: the event of that time knows better."""
    text = _text(value)
    if known and text in known:
        return known[text]
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment


def _read_page(data: dict[str, Any]) -> tuple[list[ParcelState], list[Rejection]]:
    """A parcel that cannot be read is a rejection of its own and spoils no other."""
    accepted = data.get("accepted")
    parcels, rejected = [], list(_rejections(data))
    for item in _dicts(accepted.get("content") if isinstance(accepted, dict) else None):
        try:
            parcels.append(read_parcel(item))
        except Track123Error as error:
            rejected.append(Rejection(str(item.get("trackNo", "")), "unreadable", str(error)))
    return parcels, rejected


def _rejections(data: dict[str, Any]) -> Iterable[Rejection]:
    for item in _dicts(data.get("rejected")):
        error = item.get("error")
        error = error if isinstance(error, dict) else {}
        yield Rejection(str(item.get("trackNo", "")), _text(error.get("code")), _text(error.get("msg")))


def _no_answer(ref: ParcelRef) -> Rejection:
    return Rejection(ref.number, "no_answer", "Track123 said nothing about this number.")


def _next_cursor(data: dict[str, Any]) -> str | None:
    accepted = data.get("accepted")
    cursor = (accepted.get("cursor") if isinstance(accepted, dict) else None) or data.get("cursor")
    return str(cursor) if cursor else None


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    """Text that every database can hold: neither NUL nor half a character."""
    text = "" if value is None else str(value).encode(errors="replace").decode()
    return text.replace("\x00", "").strip()[:MAX_TEXT]


# --- errors ------------------------------------------------------------------


def _read_content(response: requests.Response, deadline: float) -> bytes:
    """The body, which may be neither endless nor endlessly slow."""
    content = bytearray()
    while chunk := response.raw.read1(65536, decode_content=True):
        content += chunk
        if len(content) > MAX_ANSWER:
            raise Track123Error(f"Track123's answer is longer than {MAX_ANSWER} bytes.", code="malformed")
        if time.monotonic() > deadline:
            raise requests.ReadTimeout
    return bytes(content)


def _data(response: requests.Response, content: bytes) -> dict[str, Any]:
    """The `data` of a successful answer: HTTP 200 and code 00000."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):  # also bytes that are not UTF-8
        answer = None
    code = _text(answer.get("code")) if isinstance(answer, dict) else ""
    if response.status_code != 200 or code not in ("", SUCCESS):
        raise _refusal(response, "" if code == SUCCESS else code)
    data = answer.get("data") if isinstance(answer, dict) and code == SUCCESS else None
    if not isinstance(data, dict):
        raise Track123Error("Track123's answer cannot be read.", code="malformed")
    return data


def _refusal(response: requests.Response, code: str) -> Track123Error:
    status = response.status_code
    retry_after = _seconds(response.headers.get("Retry-After", ""))
    if retry_after is None and (code == TOO_MANY or status == 429):
        retry_after = SOON
    if status == 429 or status >= 500:
        sentence = f"Track123 cannot answer just now (HTTP {status})."
        return Track123Error(sentence, code=code or f"http_{status}", retry_after=retry_after)
    if code.startswith(KEY_CODES) or status in (401, 403):
        code = code or f"http_{status}"
        return Track123Error(KEY_SENTENCE.format(code=code), code=code, permanent=True)
    if code:
        permanent = code not in PASSING_CODES and code.startswith(PERMANENT_CODES)
        sentence = f"Track123 refused the request ({code})." if permanent else f"Track123 is busy ({code})."
        return Track123Error(sentence, code=code, permanent=permanent, retry_after=retry_after)
    sentence = f"Track123 answered HTTP {status}: check TRACK123_BASE_URL ({response.url})."
    return Track123Error(
        sentence, code=f"http_{status}", permanent=status in range(400, 500) and status != 408
    )


def _seconds(retry_after: str) -> float | None:
    """Retry-After as seconds; it may also be a date."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(0.0, seconds), MAX_WAIT)  # this order makes NaN 0


# --- what the caller gave ------------------------------------------------------------------


def _checked_key(api_key: str) -> str:
    key = api_key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        sentence = "The Track123 API key is empty or contains blanks or foreign characters: enter it again."
        raise Track123Error(sentence, code="key", permanent=True)
    return key


def _checked_refs(refs: Iterable[ParcelRef]) -> Sequence[ParcelRef]:
    """Each number once."""
    unique = list({ref.number: ref for ref in refs}.values())
    if len(unique) > MAX_NUMBERS:
        raise ValueError(f"{len(unique)} numbers: give {MAX_NUMBERS} or fewer in one request.")
    if not all(ref.number.strip() for ref in unique):
        raise ValueError("A tracking number is empty.")
    return unique


def _ref_fields(ref: ParcelRef) -> dict[str, str]:
    fields = {"trackNo": ref.number}
    return {**fields, "courierCode": ref.courier_code} if ref.courier_code else fields
