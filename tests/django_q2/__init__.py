"""Django Q2's own tests, as it ships them, run against our broker, Cluster, Supervisor and scheduler.

`test_shipped.py` starts a pytest of its own on `django_q.tests` with our `settings` and our `adapter`;
`exceptions.py` lists each shipped test that cannot hold here, and why. By hand:

    .venv/bin/python -m tests.django_q2 -k test_recycle
"""
