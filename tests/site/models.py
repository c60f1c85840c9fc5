import os

from django.db import models


class Effect(models.Model):
    """What a job did, so that a test can count it."""

    name = models.CharField(max_length=100)
    at = models.DateTimeField(auto_now_add=True)
    pid = models.IntegerField(default=os.getpid)

    def __str__(self):
        return self.name


class Mark(models.Model):
    """What an idempotent job leaves: once, however often it runs."""

    key = models.CharField(max_length=100, unique=True)

    def __str__(self):
        return self.key
