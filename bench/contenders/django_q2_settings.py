"""Django Q2 as it comes, with its database broker and the usual settings; connections stay open."""

import os

import environ

SECRET_KEY = "a-key-for-the-bench"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.contenttypes", "django_q"]
DATABASES = {"default": {**environ.Env().db("DATABASE_URL"), "CONN_MAX_AGE": None}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
Q_CLUSTER = {
    "name": "bench",
    "workers": int(os.environ["BENCH_WORKERS"]),
    "recycle": 500,
    "timeout": 90,
    "retry": 120,
    "queue_limit": 50,
    "bulk": 1,
    "save_limit": 250,
    "compress": True,
    "orm": "default",
    "log_level": "WARNING",
}
