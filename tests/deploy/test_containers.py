"""Dockerfile, compose, Render and Kubernetes say what they must, in terms that agree with the code."""

import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from uvicorn.middleware import proxy_headers

from scheduling.stopping import WITHOUT_DATABASE

ROOT = Path(__file__).resolve().parent.parent.parent
KUBERNETES = ROOT / "deploy" / "kubernetes"
CLUSTER = ["python", "manage.py", "qcluster"]
MIGRATE = ["python", "manage.py", "migrate", "--noinput"]
EXAMPLE = (ROOT / ".env.example").read_text()
SETTINGS = set(re.findall(r"^# ([A-Z0-9_]+)=", EXAMPLE, re.MULTILINE))
OF_UVICORN = {"FORWARDED_ALLOW_IPS", "WEB_CONCURRENCY", "PORT"}


def documents(path: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    found = [
        each for path in KUBERNETES.glob("*.yaml") for each in documents(path) if each.get("kind") == kind
    ]
    return {each["metadata"]["name"]: each for each in found}


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


@pytest.fixture
def drain(settings) -> float:
    """How long a cluster may take to stop."""
    return settings.Q_STOP_GRACE_SECONDS + WITHOUT_DATABASE


# --- Dockerfile -------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def dockerfile() -> list[list[str]]:
    """Its instructions: [["FROM", "python:…"], …]."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [line.split(None, 1) for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def test_the_image_is_built_in_two_stages_from_pinned_bases(dockerfile) -> None:
    bases = [words for name, words in dockerfile if name == "FROM"]
    assert len(bases) == 2
    assert all(re.search(r":\d+\.\d+-slim-\w+", base) for base in bases)


def test_the_image_runs_as_nobody_special_and_says_whether_it_is_well(dockerfile) -> None:
    last_stage = dockerfile[max(n for n, (name, _) in enumerate(dockerfile) if name == "FROM") :]
    told = dict(last_stage)
    assert told["USER"] == "10001:10001"
    assert "healthcheck.py" in told["HEALTHCHECK"]
    assert told["CMD"].startswith('["uvicorn"')  # exec form: signals reach it
    assert [name for name, _ in last_stage][-1] == "CMD"


def test_no_secret_and_no_data_gets_into_the_image() -> None:
    left_out = (ROOT / ".dockerignore").read_text().splitlines()
    assert {".env", ".git", "var", "media", ".venv"} <= set(left_out)


def test_the_image_carries_the_client_of_the_composed_postgresql(dockerfile) -> None:
    major = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["db"]["image"].partition(":")[2]
    assert f"postgresql-client-{major} " in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_asks_for_the_first_allowed_host(status, code) -> None:
    asked = []

    class Web(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Host"]))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Web) as web:
        Thread(target=web.serve_forever, daemon=True).start()
        environment = {"PORT": str(web.server_port), "ALLOWED_HOSTS": "ims.example.com,other"}
        script = ROOT / "deploy" / "docker" / "healthcheck.py"
        done = subprocess.run([sys.executable, str(script)], env=environment, check=False)
        web.shutdown()
    assert (done.returncode, asked) == (code, [("/healthz", "ims.example.com")])


def test_a_web_that_does_not_answer_is_not_well() -> None:
    script = ROOT / "deploy" / "docker" / "healthcheck.py"
    assert subprocess.run([sys.executable, str(script)], env={"PORT": "9"}, check=False).returncode == 1


# --- compose ----------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def test_compose_starts_the_database_the_migrations_the_web_and_a_cluster_in_order(services) -> None:
    assert services["qcluster"]["command"] == CLUSTER
    assert services["migrate"]["command"] == MIGRATE
    assert services["migrate"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    for name in ("web", "qcluster"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


def test_compose_lets_running_jobs_end(services, drain) -> None:
    assert seconds(services["qcluster"]["stop_grace_period"]) > drain


def test_compose_shares_uploads_and_gives_no_rights(services) -> None:
    for name in ("web", "qcluster"):
        service = services[name]
        assert "media:/var/lib/ims/media" in service["volumes"]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert services["web"]["ports"][0].startswith("127.0.0.1:")


def test_compose_has_no_default_for_a_secret(services) -> None:
    for name in ("SECRET_KEY", "DATABASE_URL"):
        assert ":?" in services["web"]["environment"][name]


def test_compose_names_settings_that_there_are(services) -> None:
    assert set(services["web"]["environment"]) <= SETTINGS | OF_UVICORN


def test_compose_takes_all_other_settings_from_a_file_that_may_be_missing(services) -> None:
    for name in ("web", "qcluster", "migrate", "backup"):
        assert services[name]["env_file"] == [{"path": ".env", "required": False}]
    mounted = {volume.partition(":")[2] for volume in services["backup"]["volumes"]}
    assert mounted == {services["backup"]["environment"][name] for name in ("MEDIA_ROOT", "BACKUP_DIR")}


# --- Render -----------------------------------------------------------------------------------------------
def test_render_has_a_web_one_worker_and_a_database(drain) -> None:
    told = yaml.safe_load((ROOT / "render.yaml").read_text())
    web, worker = told["services"]
    assert (web["type"], worker["type"], len(told["databases"])) == ("web", "worker", 1)
    assert worker["dockerCommand"] == " ".join(CLUSTER)
    assert worker["maxShutdownDelaySeconds"] > drain
    assert (web["healthCheckPath"], web["preDeployCommand"]) == ("/healthz", " ".join(MIGRATE))
    for service in (web, worker):
        address = next(each for each in service["envVars"] if each.get("key") == "DATABASE_URL")
        assert address["fromDatabase"]["name"] == told["databases"][0]["name"]
        assert {each["key"] for each in service["envVars"] if "key" in each} <= SETTINGS | OF_UVICORN


def test_on_render_nobody_chooses_the_address_that_counts() -> None:
    """What a caller claims stands before what the proxies add."""
    web, _ = yaml.safe_load((ROOT / "render.yaml").read_text())["services"]
    trusted = next(each["value"] for each in web["envVars"] if each.get("key") == "FORWARDED_ALLOW_IPS")
    assert "--forwarded-allow-ips" not in web["dockerCommand"]
    hosts = proxy_headers._TrustedHosts(trusted)
    assert hosts.get_trusted_client_address("6.6.6.6, 203.0.113.7, 172.68.1.1")[0] == "203.0.113.7"


# --- Kubernetes -------------------------------------------------------------------------------------------
def pods() -> dict[str, dict[str, Any]]:
    workloads = {**of_kind("Deployment"), **of_kind("Job")}
    return {name: each["spec"]["template"]["spec"] for name, each in workloads.items()}


def test_the_autoscaler_makes_a_cluster_for_every_hundred_waiting_jobs() -> None:
    spec = of_kind("HorizontalPodAutoscaler")["ims-qcluster"]["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 100)
    (metric,) = spec["metrics"]
    assert metric["external"]["target"] == {"type": "AverageValue", "averageValue": "100"}
    (rule,) = documents(KUBERNETES / "prometheus-adapter.yaml")[0]["rules"]["external"]
    assert rule["name"]["as"] == metric["external"]["metric"]["name"]
    target = of_kind("Deployment")[spec["scaleTargetRef"]["name"]]
    assert "replicas" not in target["spec"]  # else each apply would undo the autoscaler


def test_a_pod_of_a_cluster_may_take_its_time_to_stop(drain) -> None:
    assert pods()["ims-qcluster"]["terminationGracePeriodSeconds"] > drain


def test_a_cluster_is_not_restarted_because_its_queue_is_long() -> None:
    (container,) = pods()["ims-qcluster"]["containers"]
    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["exec"]["command"][2:] == ["health", "--here", "--alive"]


@pytest.mark.parametrize("name", sorted(pods()))
def test_each_pod_runs_one_image_without_rights(name: str) -> None:
    pod = pods()[name]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} <= set(container["resources"])
    assert container["image"].rpartition(":")[2] not in {"", "latest"}
    claims = {each["persistentVolumeClaim"]["claimName"] for each in pod["volumes"] if "emptyDir" not in each}
    assert claims <= set(of_kind("PersistentVolumeClaim"))
    named = {each[kind]["name"] for each in container["envFrom"] for kind in each}
    assert named <= set(of_kind("ConfigMap")) & set(of_kind("Secret"))


def test_the_web_answers_by_its_public_name_and_to_prometheus_by_its_services() -> None:
    names = of_kind("ConfigMap")["ims"]["data"]["ALLOWED_HOSTS"].split(",")
    (service,) = of_kind("Service")
    (rule,) = of_kind("Ingress")["ims"]["spec"]["rules"]
    probe = pods()["ims-web"]["containers"][0]["readinessProbe"]["httpGet"]["httpHeaders"]
    assert names == [rule["host"], f"{service}.ims.svc"]
    assert probe == [{"name": "Host", "value": rule["host"]}]


def test_what_selects_pods_finds_some() -> None:
    labels = {
        name: each["spec"]["template"]["metadata"]["labels"] for name, each in of_kind("Deployment").items()
    }
    for name, service in of_kind("Service").items():
        assert service["spec"]["selector"] == labels[name]
    for name, budget in of_kind("PodDisruptionBudget").items():
        assert budget["spec"]["selector"]["matchLabels"] == labels[name]
    for name, deployment in of_kind("Deployment").items():
        assert deployment["spec"]["selector"]["matchLabels"] == labels[name]


def test_kubernetes_names_settings_that_there_are() -> None:
    named = {*of_kind("ConfigMap")["ims"]["data"], *of_kind("Secret")["ims"]["stringData"]}
    assert named <= SETTINGS | OF_UVICORN


# --- nginx ------------------------------------------------------------------------------------------------
def nginx_blocks() -> dict[str, dict[str, list[str]]]:
    """Each location with its directives."""
    text = (ROOT / "deploy" / "nginx" / "ims.conf").read_text()
    blocks = re.findall(r"location ([^{]+) \{(.*?)\n    \}", text, re.DOTALL)
    return {
        name: {
            words[0]: words[1:] for line in body.splitlines() if (words := line.strip().rstrip(";").split())
        }
        for name, body in blocks
    }


def test_nginx_does_not_buffer_live_streams() -> None:
    (stream,) = [block for name, block in nginx_blocks().items() if "stream" in name]
    assert stream["proxy_buffering"] == ["off"]
    assert stream["proxy_read_timeout"] == ["1h"]


@pytest.mark.parametrize(
    "address",
    ["/api/trips/7/stream/", "/api/trips/7/stream", "/share/WzEsM:1xV8Gr:KZh-_/stream/", "/trips/stream/"],
)
def test_nginx_knows_every_live_stream(address: str) -> None:
    (pattern,) = [name.split()[1] for name in nginx_blocks() if "stream" in name]
    assert re.match(pattern, address)


def test_nginx_replaces_what_callers_claim_to_be() -> None:
    text = (ROOT / "deploy" / "nginx" / "ims.conf").read_text()
    assert "proxy_add_x_forwarded_for" not in text
    assert text.count("proxy_set_header X-Forwarded-For $remote_addr;") == len(nginx_blocks())
