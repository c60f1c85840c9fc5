"""Who holds a role."""

from django.db.models import Q, QuerySet

from ims.accounts.models import User


def holding(*names: str) -> QuerySet[User]:
    """Active people with one of these roles, each once; superusers hold all."""
    holders = User.objects.filter(groups__name__in=names).values("pk")
    return User.objects.filter(Q(is_superuser=True) | Q(pk__in=holders), is_active=True).order_by("pk")
