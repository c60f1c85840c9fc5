"""Who may do what with price requests: the only place that says so."""

from crossdock.models import CrossDockTask, TaskComment
from ims.accounts import roles
from ims.accounts.models import User

LOOK = (roles.BUYER, roles.OPERATOR)  # all of them see all requests, results and comments
ASK = (roles.BUYER,)
SUPPLY = (roles.OPERATOR,)  # brings in suppliers' offers


def may_ask(user: User) -> bool:
    return user.has_role(*ASK)


def may_supply(user: User) -> bool:
    return user.has_role(*SUPPLY)


def may_control(user: User, task: CrossDockTask) -> bool:
    """Cancel, retry, delete: the owner and operators."""
    return user.has_role(roles.OPERATOR) or (task.user_id == user.pk and may_ask(user))


def may_edit(user: User, comment: TaskComment) -> bool:
    return comment.user_id == user.pk
