"""The errors that callers of the engine meet."""


class BadDeclaration(TypeError):
    """A task, hook or schedule is declared in a way that cannot work; raised at import."""


class Undeclared(LookupError):
    """A function or hook is not declared with @task or @hook, so no job may call it."""


class SoftTimeout(Exception):
    """Raised inside a task at its soft_timeout, so that it can tidy up before the hard one."""


class JobCancelled(Exception):
    """Raised inside a task that was cancelled and did not stop by itself within the grace."""


class Throttled(Exception):
    """No free slot of a throttle within the time the caller would wait; passing, so worth a retry."""

    permanent = False

    def __init__(self, name: str, retry_after: float) -> None:
        super().__init__(f"The limit {name!r} is used up for the next {retry_after:.1f} s.")
        self.retry_after = retry_after


class BadInterval(ValueError):
    """The interval of a schedule is not a whole number of minutes from 1 to 32767, or it runs by cron."""


class UnknownSchedule(LookupError):
    """No declared schedule has this name."""


class UnknownQueue(LookupError):
    """No queue has this name."""


class UnknownJob(LookupError):
    """There is no such job, or its history is pruned."""


class NotPossible(ValueError):
    """What was asked cannot be done with this job in its state; the message says what can."""
