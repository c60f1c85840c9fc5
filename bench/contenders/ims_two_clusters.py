"""This project with its workers in two clusters."""

from bench.contenders import ims


class Contender(ims.Contender):
    clusters = 2
    can_claim = False
    has_queues = False
