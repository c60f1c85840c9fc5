"""`make run`: the whole of IMS with demo data on this machine, until Ctrl-C.

Migrates the database, fills it with demo data, starts the processes of the Procfile under honcho,
and prints the address and the demo login once the web answers.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
USERNAME, PASSWORD = "demo", "parcels-on-the-move"  # safe in the open: the web listens on this machine only
START_SECONDS = 60


def main() -> int:
    port = chosen_port()
    environment = demo_environment(port)
    (ROOT / "var").mkdir(exist_ok=True)
    demos = ("demo", "demo_dispatch", "demo_trips", "demo_cross_dock", "demo_licences")
    for command in (["migrate", "--verbosity", "0"], *([demo] for demo in demos)):
        if status := subprocess.call([sys.executable, "manage.py", *command], cwd=ROOT, env=environment):
            return status
    return serve(port, environment)


def chosen_port() -> int:
    text = os.environ.get("PORT", "8000")
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        sys.exit(f"PORT={text!r}: give a number from 1 to 65535, e.g. PORT=8001 make run")
    port = int(text)
    if not is_free(port):
        sys.exit(
            f"Port {port} is in use. Stop what listens there, or choose another: PORT={port + 1} make run"
        )
    return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """So many different ones."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def demo_environment(port: int) -> dict[str, str]:
    """Ours wins over a file .env; what the caller exported wins over ours, except for the port."""
    track123, fcm = free_ports(2)
    defaults = {
        "DEBUG": "1",
        "HTTPS": "0",
        "LOG_LEVEL": "WARNING",  # jobs are seen in the console page; here the login stays in sight
        "EMAIL_URL": f"filemail:///{ROOT / 'var' / 'mail'}",  # e-mails never leave this machine: look there
        "INVOICE_SELLER": "Narmada Transport",
        "INVOICE_SELLER_ADDRESS": "12 Race Course Road|Vadodara 390007|India",
        "INVOICE_SELLER_EMAIL": "invoices@demo.example",
        "INVOICE_BANK": "Bank: Demo Bank, Vadodara|Account: 000 123 456 789|IFSC: DEMO0000123",
        "INVOICE_TERMS": "Please name the invoice number with your payment. Payable without deduction.",
        "TRACK123_BASE_URL": f"http://{HOST}:{track123}/gateway/open-api/",
    }
    return {
        **defaults,
        **os.environ,
        "PORT": str(port),
        "TRACK123_PORT": str(track123),
        "FCM_PORT": str(fcm),
        "FCM_BASE_URL": f"http://{HOST}:{fcm}",  # pushes never leave this machine, whoever's key is at hand
        "GOOGLE_APPLICATION_CREDENTIALS": str(ROOT / "var" / "fcm-demo.json"),
        "DEMO_PASSWORD": PASSWORD,
        "PYTHONUNBUFFERED": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def serve(port: int, environment: dict[str, str]) -> int:
    """Run honcho until it ends or we are told to; it ends all of its processes with itself."""
    honcho = subprocess.Popen(
        [sys.executable, "-m", "honcho", "--env", os.devnull, "start"],
        cwd=ROOT,
        env=environment,
        start_new_session=os.name != "nt",  # so that Ctrl-C reaches it once, from us
    )
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        if honcho.poll() is None:
            honcho.terminate()

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), stop)
    if answers(f"http://{HOST}:{port}/healthz", honcho):
        announce(port)
    status = honcho.wait()
    return 0 if stopping else status or 1


def answers(address: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return False


def announce(port: int) -> None:
    print(
        f"\nIMS runs at http://localhost:{port}/\n"
        f"username: {USERNAME}\n"
        f"password: {PASSWORD}\n"
        "Ctrl-C stops everything; the data stays.\n",
        flush=True,
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before the processes were started
        sys.exit(130)
