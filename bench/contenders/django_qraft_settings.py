"""django-qraft as its guide sets it up."""

from bench.contenders.django_q2_settings import *  # noqa: F403
from bench.contenders.django_q2_settings import INSTALLED_APPS, Q_CLUSTER

INSTALLED_APPS = [*INSTALLED_APPS, "qraft"]
Q_CLUSTER = {**Q_CLUSTER, "broker_class": "qraft.brokers.QraftOrmBroker"}
