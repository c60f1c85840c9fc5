"""From the history back to a call: what a job did once, another or the same job can do again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scheduling import declaration, packages
from scheduling.models import CallOptions
from scheduling.packages import Package


def call(
    job_id: str, func: str, args: Sequence[Any], kwargs: Mapping[str, Any], **kept: Any
) -> tuple[Package, str]:
    """A new package with the options that this job had of its own and what is `kept` of it; and its queue.

    Raises Undeclared, and TypeError where the task takes other arguments since.
    """
    declared = declaration.find(func)
    own = CallOptions.objects.filter(pk=job_id).first() or CallOptions()
    package = {**packages.build(declared, tuple(args), kwargs), **kept}
    if own.timeout is not None:
        package["timeout"] = own.timeout
    if own.keeps is not None:
        package["save"] = own.keeps
    return packages.complete(package), own.queue or declared.queue
