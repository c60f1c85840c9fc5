"""Who may see an invoice and act on it: the one place for the rules about objects.

Accountants and dispatchers see all; a payer sees his own: a patient, or the members of a company. For
everybody else an invoice does not exist. Accountants alone act.
"""

from django.db.models import Q, QuerySet

from ims.accounts import roles
from ims.accounts.models import User
from logistics.billing.models import CompanyMember, Invoice

LOOK = (roles.ACCOUNTANT, roles.DISPATCHER)
ROLES = (*LOOK, roles.PATIENT)


def visible(user: User) -> QuerySet[Invoice]:
    """The invoices that this person may read."""
    if sees_all(user):
        return Invoice.objects.all()
    companies = CompanyMember.objects.filter(user=user).values("company")
    return Invoice.objects.filter(Q(patient__user=user) | Q(company__in=companies))


def sees_all(user: User) -> bool:
    """Also what happened inside of the house: mails, corrections, who did what."""
    return user.has_role(*LOOK)


def may_act(user: User) -> bool:
    return user.has_role(roles.ACCOUNTANT)


def may_open(user: User) -> bool:
    """Whether the pages of invoices are for this person at all."""
    return user.has_role(*ROLES) or is_member(user)


def is_member(user: User) -> bool:
    """Whether a company's invoices are this person's."""
    return CompanyMember.objects.filter(user=user).exists()
