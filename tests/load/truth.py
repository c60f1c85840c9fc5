"""What must be so afterwards, whatever was killed: each function returns what is not, as sentences."""

from collections import Counter
from collections.abc import Iterable

from tests.load.house import House
from tests.load.samples import Samples
from tests.load.watching import Watch, lost

Problems = list[str]
SHOWN = 5  # of each kind of problem
UNSURE = "ims.notices.letters.Unsure"


def check(house: House, samples: Samples, watches: list[Watch]) -> dict[str, Problems]:
    """Each invariant by its name, and what breaks it."""
    return {
        "every completed transport has exactly one invoice, deliveries without a contract none": invoices(),
        "invoice numbers have no gap": numbers(),
        "every letter that a mail server took was taken once, and none is undecided": letters(house),
        "no job is lost or stuck, and none failed but those cancelled or of an unsure letter": jobs(samples),
        "balances agree with a recomputation": balances(),
        "no request was offered to two drivers at a time, none has two trips": offers(),
        "every priced sheet is done or cancelled, and its result is there": sheets(),
        "watchers got every event, once and in order": lost(watches),
        "every parcel is registered": parcels(),
        "vehicles of ended trips are free": vehicles(),
    }


def few(found: Iterable[object]) -> Problems:
    words = [str(each) for each in found]
    return words[:SHOWN] + ([f"… and {len(words) - SHOWN} more"] if len(words) > SHOWN else [])


def invoices() -> Problems:
    from logistics.billing.models import Invoice
    from logistics.trips.models import Trip

    charged = Counter(Invoice.objects.exclude(status="void").values_list("trip", flat=True))
    rides = Trip.objects.filter(status="completed", patient__isnull=False)
    wrong = [
        f"trip {pk}: {charged[pk]} invoices" for pk in rides.values_list("pk", flat=True) if charged[pk] != 1
    ]
    others = Trip.objects.filter(pk__in=list(charged)).exclude(status="completed", patient__isnull=False)
    return few(
        wrong + [f"trip {pk}: invoiced though {state}" for pk, state in others.values_list("pk", "status")]
    )


def numbers() -> Problems:
    from logistics.billing.models import Invoice, InvoiceCounter

    problems = []
    for counter in InvoiceCounter.objects.all():
        wanted = {f"INV-{counter.year}-{number:06d}" for number in range(1, counter.last + 1)}
        found = set(Invoice.objects.values_list("invoice_number", flat=True))
        problems += [f"{each} is missing" for each in sorted(wanted - found)]
        problems += [f"{each} is beyond the counter" for each in sorted(found - wanted)]
    return few(problems)


def letters(house: House) -> Problems:
    from ims.notices.models import Letter, LetterState
    from logistics.billing.models import Invoice

    taken = Counter(each.message["Message-ID"] for each in house.smtp.letters)
    problems = [f"{name}: taken {times} times" for name, times in taken.items() if times > 1]
    undecided = Letter.objects.filter(state__in=[LetterState.WAITING, LetterState.SENDING])
    problems += [f"{each}: {each.state} {each.error}" for each in undecided]
    sent = Letter.objects.filter(state=LetterState.SENT).count()
    most = sent + Letter.objects.filter(state=LetterState.UNSURE).count()
    if not sent <= len(taken) <= most:
        problems.append(f"{sent} letters sent, {most - sent} unsure, but {len(taken)} taken")
    problems += [f"{each}: nothing was mailed" for each in Invoice.objects.filter(mails=None)]
    return few(problems)


def jobs(samples: Samples) -> Problems:
    """Every job that was seen in a queue has ended, and is on record where its task keeps one."""
    from django_q.models import Task

    from scheduling import declaration
    from scheduling.models import Cancellation, QueuedJob

    left = QueuedJob.objects.filter(state__in=["waiting", "running", "retrying", "unreadable"])
    problems = [f"{job}: still {job.state}" for job in left]
    known = set(Task.objects.values_list("id", flat=True)) | set(
        QueuedJob.objects.values_list("job_id", flat=True)
    )
    kept = {each.path for each in declaration.tasks() if each.keep is not None}
    for job_id, func in samples.jobs.items():
        if func in kept and job_id not in known:
            problems.append(f"{func} {job_id}: lost without a trace")
    cancelled = Cancellation.objects.values("job_id")
    failed = (
        (task, str(task.result)) for task in Task.objects.filter(success=False).exclude(id__in=cancelled)
    )
    # Of a letter that is unsure nobody can know, and so its job says.
    problems += [f"{task.func} {task.id} failed: {why[-300:]}" for task, why in failed if UNSURE not in why]
    return few(problems)


def balances() -> Problems:
    from django.utils.timezone import now

    from licensing.balances import day_in_india
    from licensing.sync import sync

    report = sync(day_in_india(now()), dry=True)
    return few(words for shown in report.shown.values() for words in shown)


def offers() -> Problems:
    from django.db.models import Count

    from logistics.dispatch.models import Answer, Offer, StockRequest
    from logistics.trips.models import Trip

    problems = []
    twice = (
        Offer.objects.filter(answer=Answer.ACCEPTED).values("request").annotate(n=Count("id")).filter(n__gt=1)
    )
    problems += [f"request {row['request']}: accepted {row['n']} times" for row in twice]
    for key in ("request", "driver"):
        problems += overlaps(key)
    taken = StockRequest.objects.filter(status__in=["ASSIGNED", "COMPLETED"])
    problems += [f"request {each.pk}: {each.status} without a trip" for each in taken.filter(trip=None)]
    strays = Trip.objects.filter(stock_request__isnull=False).exclude(stock_request__in=taken)
    problems += [
        f"trip {each.pk}: {each.status}, its request is not assigned"
        for each in strays.exclude(status="cancelled")
    ]
    return few(problems)


def overlaps(key: str) -> Problems:
    """Of one request, or to one driver, an offer begins only after the last one has ended."""
    from logistics.dispatch.models import Offer

    ends: dict[int, object] = {}
    problems = []
    for offer in Offer.objects.order_by("offered_at", "pk"):
        owner = getattr(offer, f"{key}_id")
        if owner in ends and (ends[owner] is None or offer.offered_at < ends[owner]):  # type: ignore[operator]
            problems.append(f"{key} {owner}: offer {offer.pk} began before the last one ended")
        ends[owner] = offer.answered_at
    return problems


def sheets() -> Problems:
    from crossdock import files
    from crossdock.models import CrossDockTask

    problems = []
    for task in CrossDockTask.objects.all():
        if task.status not in ("SUCCESS", "CANCELLED"):
            problems.append(f"{task.pk}: {task.status} {task.error_message}")
        elif task.status == "SUCCESS" and not files.result_path(task.pk).exists():
            problems.append(f"{task.pk}: its result is gone")
    return few(problems)


def parcels() -> Problems:
    from masterdata.models import Parcel

    missing = Parcel.objects.filter(registered_at=None, slip__status="shipped")
    return few(f"{each.number}: not registered {each.error}" for each in missing)


def vehicles() -> Problems:
    from logistics.fleet.models import Vehicle
    from logistics.trips.models import Trip

    busy = Trip.objects.exclude(status__in=["pending", "completed", "cancelled"]).values("vehicle")
    stuck = Vehicle.objects.filter(status="in_trip").exclude(pk__in=busy)
    return few(f"{each}: in a trip that is over" for each in stuck)
