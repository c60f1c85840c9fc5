"""Celery with Redis, no results kept."""

from bench.contenders import celery_results


class Contender(celery_results.Contender):
    results = ""
