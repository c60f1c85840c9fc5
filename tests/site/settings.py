"""The settings of the tests: IMS and one app of a site, in an environment of the run's own."""

# ruff: noqa: E402 - the environment comes first
from tests.site import environment

environment.prepare()

from ims.settings import *  # noqa: F403
from ims.settings import INSTALLED_APPS as IMS_APPS

INSTALLED_APPS = [*IMS_APPS, "tests.site"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick; never in production
