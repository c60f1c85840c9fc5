# IMS as one image: the web by default, a cluster with `python manage.py qcluster`.
# Debian 13, because its pg_dump can read the PostgreSQL 17 of compose.yaml.
FROM python:3.11-slim-trixie AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /srv/ims
RUN python -m venv /srv/venv
COPY requirements.txt .
RUN /srv/venv/bin/pip install -r requirements.txt
COPY . .
# The key signs nothing here: static files are only copied and named by their content.
RUN DEBUG=0 SECRET_KEY=collectstatic-needs-some-key-and-this-one-is-used-for-nothing-else \
    /srv/venv/bin/python manage.py collectstatic --noinput --verbosity 0

FROM python:3.11-slim-trixie
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 ims \
    && useradd --uid 10001 --gid ims --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ims \
    && install -d -o ims -g ims -m 0700 /var/lib/ims /var/lib/ims/media /var/backups/ims
COPY --from=build /srv/venv /srv/venv
COPY --from=build /srv/ims /srv/ims
ENV PATH=/srv/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MEDIA_ROOT=/var/lib/ims/media \
    BACKUP_DIR=/var/backups/ims
WORKDIR /srv/ims
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "deploy/docker/healthcheck.py"]
# exec form: SIGTERM reaches uvicorn itself. --forwarded-allow-ips is the proxy's address, set by who runs it.
CMD ["uvicorn", "ims.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--proxy-headers", "--timeout-graceful-shutdown", "10", "--no-access-log"]
