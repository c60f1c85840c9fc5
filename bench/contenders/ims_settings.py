"""The settings of IMS as they are, and the tasks of this bench."""

from ims.settings import *  # noqa: F403
from ims.settings import INSTALLED_APPS as IMS_APPS

INSTALLED_APPS = [*IMS_APPS, "bench"]
