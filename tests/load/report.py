"""What a run has shown, as Markdown."""

from collections import Counter, defaultdict
from statistics import quantiles

from tests.load.ledger import GRACE, Ledger
from tests.load.samples import MB, Samples
from tests.load.truth import Problems

MOST_TABLES = 12
MOST_SHOWN = 20  # unexplained errors that are shown in full


def write(
    heading: str,
    ledger: Ledger,
    samples: Samples,
    truth: dict[str, Problems],
    counts: dict[str, int],
    problems: Problems,
    crashes: list[str],
) -> str:
    parts = [
        heading,
        verdict(ledger, truth, problems),
        invariants(truth),
        throughput(ledger, counts),
        latencies(ledger),
        errors(ledger),
        *(f"A crash:\n\n```\n{each}\n```" for each in crashes[:MOST_SHOWN]),
        faults(ledger),
        memory(samples),
        tables(samples),
    ]
    return "\n\n".join(parts) + "\n"


def verdict(ledger: Ledger, truth: dict[str, Problems], problems: Problems) -> str:
    strange, broken = len(ledger.unexplained()), sum(bool(each) for each in truth.values())
    words = f"**{strange} unexplained errors, {broken} broken invariants, {len(problems)} other problems.**"
    return "\n".join([words, *(f"- {each}" for each in problems)])


def is_well(ledger: Ledger, truth: dict[str, Problems], problems: Problems) -> bool:
    return not (ledger.unexplained() or any(truth.values()) or problems)


def invariants(truth: dict[str, Problems]) -> str:
    lines = ["### What must be so", ""]
    for name, found in truth.items():
        lines.append(f"- {'holds' if not found else 'BROKEN'}: {name}")
        lines += [f"    - {each}" for each in found]
    return "\n".join(lines)


def throughput(ledger: Ledger, counts: dict[str, int]) -> str:
    last = max((each.ended for each in ledger.requests), default=ledger.begun)
    seconds = max(1.0, last - ledger.begun)
    rows = [["requests answered", len(ledger.requests)], *counts.items()]
    return "### Throughput\n\n" + table(
        ["", "in all", "a second"], [[name, f"{count:,}", f"{count / seconds:.2f}"] for name, count in rows]
    )


def latencies(ledger: Ledger) -> str:
    """Of good answers, from the moment when they were due; streams last as long as they last."""
    by_kind: dict[str, list[float]] = defaultdict(list)
    undisturbed: list[float] = []
    for each in ledger.requests:
        if each.error or each.kind == "trips: live stream":
            continue
        by_kind[each.kind].append(each.seconds * 1000)
        if not ledger.in_progress(each):
            undisturbed.append(each.seconds * 1000)
    rows = [[kind, *figures(found)] for kind, found in sorted(by_kind.items())]
    everything = [each for found in by_kind.values() for each in found]
    rows.append(["**all**", *figures(everything)])
    rows.append(["**all while nothing was broken**", *figures(undisturbed)])
    return "### Latency, milliseconds\n\n" + table(["", "requests", "p50", "p95", "p99", "longest"], rows)


def figures(found: list[float]) -> list[str]:
    cuts = quantiles(found, n=100) if len(found) > 1 else [*found, *found] * 50
    return [
        f"{len(found):,}",
        *(f"{cuts[place]:.0f}" for place in (49, 94, 98)),
        f"{max(found, default=0):.0f}",
    ]


def errors(ledger: Ledger) -> str:
    head = f"### Errors, and the fault in progress (or ended within {GRACE:g} s before)\n\n"
    rows = [
        [kind, error, count, why or "**UNEXPLAINED**"]
        for (kind, error, why), count in sorted(ledger.errors().items())
    ]
    parts = [table(["request", "error", "times", "explained by"], rows) if rows else "None."]
    for each in ledger.unexplained()[:MOST_SHOWN]:
        began = each.began - ledger.begun
        parts.append(
            f"Unexplained after {began:.1f} s, for {each.seconds:.1f} s: {each.kind}\n\n    {each.answer!r}"
        )
    return head + "\n\n".join(parts)


def faults(ledger: Ledger) -> str:
    times = Counter(each.kind for each in ledger.faults)
    longest: dict[str, float] = defaultdict(float)
    for each in ledger.faults:
        longest[each.kind] = max(longest[each.kind], (each.ended or each.began) - each.began)
    rows = [[kind, count, f"{longest[kind]:.1f}"] for kind, count in times.most_common()]
    return "### Faults\n\n" + table(["", "times", "longest until all was well, s"], rows)


def memory(samples: Samples) -> str:
    """Processes that were killed begin anew; the largest of each kind is what a machine has to hold."""
    rows = []
    for role in sorted(samples.memory):
        largest = max(size for _, size in samples.memory[role])
        rows.append([role, *(f"{each:.0f}" for each in (*samples.first_middle_last(role), largest))])
    busy = samples.cores()
    shares = ", ".join(f"{role} {cores:.2f}" for role, cores in busy.items())
    words = (
        f"At most {max(samples.connections, default=0)} connections to PostgreSQL at a time."
        f" Cores kept busy: {shares}; together {sum(busy.values()):.2f}."
    )
    return "### Memory (PSS of the largest process, MB)\n\n" + "\n\n".join(
        [table(["", "first", "middle", "last", "largest"], rows), words]
    )


def tables(samples: Samples) -> str:
    rows = []
    for name, size in list(samples.last_tables.items())[:MOST_TABLES]:
        before = samples.first_tables.get(name, 0)
        rows.append([f"`{name}`", f"{before / MB:.2f}", f"{size / MB:.2f}"])
    before, after = (sum(each.values()) for each in (samples.first_tables, samples.last_tables))
    rows.append(["all", f"{before / MB:.2f}", f"{after / MB:.2f}"])
    return "### Tables with their indexes, MB\n\n" + table(["", "before", "after"], rows)


def table(heads: list[str], rows: list[list]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
