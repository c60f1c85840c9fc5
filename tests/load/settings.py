"""The settings of production but for one: pushes go to the stand-in, which else needs DEBUG=1."""

import os

from ims.settings import *  # noqa: F403

FCM_BASE_URL = os.environ["LOAD_FCM_URL"]
