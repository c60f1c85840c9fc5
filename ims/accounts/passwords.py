"""What follows from a new password."""

from axes.utils import reset
from knox.models import AuthToken

from ims.accounts.models import User


class NewPassword:
    """A password validator that refuses nothing: Django tells it of every new password that was saved."""

    def validate(self, password: str, user: User | None = None) -> None:
        return

    def get_help_text(self) -> str:
        return "A new password ends the access of every program that signed in with the old one."

    def password_changed(self, password: str, user: User) -> None:
        AuthToken.objects.filter(user=user).delete()
        reset(username=user.get_username())  # whoever was locked out for the old one
