"""Who works with IMS. Roles are Django groups with the names in roles.py."""

from django.contrib.auth.models import AbstractUser
from django.utils.functional import cached_property


class User(AbstractUser):
    """A person or program with a login; holds any number of roles."""

    @property
    def display_name(self) -> str:
        return self.get_full_name() or self.username

    @cached_property
    def roles(self) -> frozenset[str]:
        return frozenset(self.groups.values_list("name", flat=True))

    def has_role(self, *names: str) -> bool:
        """Whether this user holds one of these roles; a superuser holds all."""
        return self.is_active and (self.is_superuser or not self.roles.isdisjoint(names))
