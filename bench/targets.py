"""What the benchmark starts: Entrepot, and the proxies and gateways that it is compared with."""

import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build/release"
PEERS = ROOT / "build/peers"
TICK = os.sysconf("SC_CLK_TCK")
PAGE_KIB = os.sysconf("SC_PAGESIZE") // 1024
PROXY_CPU, OTHERS_CPU = 0, 1
DESCRIPTORS_WANTED = 60_000  # two a stream, of 20,000, and some


def raise_descriptors():
    """As many as this user may have: what is started here has as many."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS_WANTED, max(hard, DESCRIPTORS_WANTED)))
        return DESCRIPTORS_WANTED
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return hard


DESCRIPTORS = raise_descriptors()
STREAMS_MAX = (DESCRIPTORS - 400) // 2  # through one process: a descriptor to each side


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_port(port, process, seconds=60):
    for _ in range(seconds * 20):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on {port}")


def start(words, cpu, **more):
    return subprocess.Popen(["taskset", "-c", str(cpu), *map(str, words)], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, **more)


def family(pid):
    """The process and its children."""
    pids, at = [pid], 0
    while at < len(pids):
        for task in pathlib.Path(f"/proc/{pids[at]}/task").glob("*/children"):
            try:
                pids += [int(child) for child in task.read_text().split()]
            except OSError:
                pass  # the thread has ended meanwhile
        at += 1
    return pids


def cpu_s(pid):
    """User and system time of all threads of a process and its children."""
    total = 0
    for each in family(pid):
        fields = pathlib.Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def rss_kib(pid):
    return sum(int(pathlib.Path(f"/proc/{each}/statm").read_text().split()[1]) * PAGE_KIB for each in family(pid))


class Peak:
    """The most memory that a process had meanwhile, and what it had in the middle of the time: of streams that take their
    time, while all are open and none has come to its end, whose books have memory of their own."""

    def __init__(self, pid):
        self.pid, self.samples, self.over = pid, [], threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.over.wait(0.1):
            self.samples.append(rss_kib(self.pid))

    @property
    def kib(self):
        return max(self.samples, default=0)

    @property
    def middle_kib(self):
        return statistics.median(self.samples) if self.samples else 0

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


class Target:
    heavy = False  # a millisecond a call and more: fewer connections and no 20,000 streams
    tls = True  # it can end TLS
    heads = ()  # further lines of a question's head

    def __init__(self, folder, upstream, certificate=None):
        self.folder, self.upstream, self.certificate = folder, upstream, certificate
        self.port, self.key = free_port(), "none"

    @staticmethod
    def missing():
        """Why it cannot run here, or None."""
        return None

    def __enter__(self):
        self.process = start(self.command(), PROXY_CPU, env={**os.environ, **self.environment()}, cwd=self.folder)
        try:
            wait_port(self.port, self.process)
        except RuntimeError:
            self.process.kill()
            raise
        time.sleep(0.3)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def environment(self):
        return {}


class Direct(Target):
    """No proxy at all."""
    tls = False

    def __enter__(self):
        self.port, self.process = self.upstream, None
        return self

    def __exit__(self, *_):
        pass


class Nginx(Target):
    @staticmethod
    def missing():
        return None if shutil.which("nginx") else "nginx is not installed (make deps-bench)"

    def command(self):
        conf = self.folder / "nginx.conf"
        listen = f"listen 127.0.0.1:{self.port} backlog=4096;"
        if self.certificate:
            cert, key = self.certificate
            listen = f"listen 127.0.0.1:{self.port} ssl; ssl_certificate {cert}; ssl_certificate_key {key};"
        conf.write_text(f"""
worker_processes 1; worker_rlimit_nofile {DESCRIPTORS}; daemon off; pid {self.folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections {DESCRIPTORS}; }}
http {{
  access_log off; keepalive_requests 100000000; client_body_buffer_size 1m; client_body_temp_path {self.folder};
  proxy_temp_path {self.folder}; fastcgi_temp_path {self.folder}; uwsgi_temp_path {self.folder}; scgi_temp_path {self.folder};
  upstream up {{ server 127.0.0.1:{self.upstream}; keepalive 2048; keepalive_requests 100000000; }}
  server {{ {listen}
    location / {{ proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_request_buffering off; }} }}
}}""")
        return ["nginx", "-p", self.folder, "-c", conf]


class Haproxy(Target):
    @staticmethod
    def missing():
        return None if shutil.which("haproxy") else "HAProxy is not installed (make deps-bench)"

    def command(self):
        conf = self.folder / "haproxy.cfg"
        secure = ""
        if self.certificate:
            pem = self.folder / "both.pem"
            pem.write_text("".join(part.read_text() for part in self.certificate))
            secure = f" ssl crt {pem}"
        conf.write_text(f"""
global
  nbthread 1
  maxconn {STREAMS_MAX}
defaults
  mode http
  option http-no-delay
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend f
  bind 127.0.0.1:{self.port}{secure}
  backlog 4096
  default_backend b
backend b
  server s 127.0.0.1:{self.upstream}
""")
        return ["haproxy", "-f", conf, "-db"]


class Litellm(Target):
    heavy = True

    @staticmethod
    def missing():
        return None if (PEERS / "litellm/bin/litellm").exists() else "LiteLLM is not installed (bench/peers)"

    def command(self):
        self.key = "sk-bench"
        conf = self.folder / "litellm.yaml"
        conf.write_text(f"""
model_list:
  - model_name: aurora-large
    litellm_params: {{model: openai/aurora-large, api_base: 'http://127.0.0.1:{self.upstream}/v1', api_key: none}}
general_settings: {{master_key: {self.key}}}
litellm_settings: {{telemetry: false, drop_params: true}}
""")
        secure = ["--ssl_certfile_path", self.certificate[0], "--ssl_keyfile_path", self.certificate[1]] if self.certificate else []
        return [PEERS / "litellm/bin/litellm", "--config", conf, "--host", "127.0.0.1", "--port", self.port,
                "--num_workers", 1, *secure]

    def environment(self):
        return {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}  # nothing is fetched


class Portkey(Target):
    heavy = True
    tls = False

    @staticmethod
    def missing():
        return None if (PEERS / "portkey/node_modules/@portkey-ai/gateway").exists() else "Portkey is not installed (bench/peers)"

    def command(self):
        self.heads = ("x-portkey-provider: openai", f"x-portkey-custom-host: http://127.0.0.1:{self.upstream}/v1")
        return ["node", PEERS / "portkey/node_modules/@portkey-ai/gateway/build/start-server.js", f"--port={self.port}",
                "--headless"]

    def environment(self):
        return {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}


class Bifrost(Target):
    """Named, so that nobody thinks it was forgotten."""

    @staticmethod
    def missing():
        return "Bifrost cannot be built: the Go module proxy serves no version of github.com/maximhq/bifrost/transports"


def entrepot(*words):
    ran = subprocess.run([BUILD / "entrepot", *words], check=False, capture_output=True, text=True)
    if ran.returncode != 0:
        raise RuntimeError(f"entrepot {' '.join(map(str, words[:2]))}: {ran.stderr.strip()}")
    return ran.stdout


def apply(house):
    """The example's two persons sign what was changed, and it is put in force."""
    for person, role in (("ann", "entered"), ("ben", "reviewed")):
        entrepot("registry", "sign", house / "registry", "--person", person, "--key", house / f"keys/{person}.key",
                 "--as", role)
    entrepot("registry", "apply", "-c", house / "entrepot.yaml")


class Entrepot(Target):
    """Everything is on: key, law, count, hold, settlement, receipt, log line, all durable."""

    @staticmethod
    def missing():
        return None if (BUILD / "entrepot").exists() else "Entrepot is not built (make build)"

    def command(self):
        house = self.folder / "house"
        entrepot("init", house)
        self.key = (house / "first-client.key").read_text().strip()
        conf = house / "entrepot.yaml"
        found = json.loads(entrepot("client", "list", "--json", "-c", conf))
        client = (found[0] if isinstance(found, list) else next(iter(found.values()))[0])["id"]
        entrepot("client", "kyc", client, "--level", "full", "--evidence", "bench", "-c", conf)
        entrepot("credit", "purchase", "--client", client, "--amount", "1000000", "-c", conf)
        text = conf.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")
        text = text.replace("127.0.0.1:8081", f"127.0.0.1:{free_port()}")
        if self.certificate:
            text = text.replace("listen:\n", f"listen:\n  tls: {{cert: '{self.certificate[0]}', key: '{self.certificate[1]}'}}\n", 1)
        conf.write_text(text + f"\nthreads: 1\nlimits: {{calls_per_client: 100000, connections: {STREAMS_MAX}, "
                        f"upstream_connections_per_host: {STREAMS_MAX}}}\n")
        routes = house / "registry/routes.yaml"
        routes.write_text(routes.read_text().replace("127.0.0.1:9001", f"127.0.0.1:{self.upstream}"))
        self.furnish(house)
        apply(house)
        return [BUILD / "entrepot", "serve", "-c", conf]

    def furnish(self, house):
        """What a kind of house has beside."""


class Uncounted(Entrepot):
    """All but the counting: no model names a vocabulary."""

    def furnish(self, house):
        models = house / "registry/models.yaml"
        lines = models.read_text().splitlines(keepends=True)
        models.write_text("".join(line for line in lines if "tokenizer:" not in line))


KINDS = {"nginx": Nginx, "HAProxy": Haproxy, "Entrepot": Entrepot, "Entrepot without counting": Uncounted, "Portkey": Portkey,
         "LiteLLM": Litellm, "Bifrost": Bifrost}


def make_certificate(folder):
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key,
                    "-out", cert], check=True, capture_output=True)
    for part in (cert, key):
        part.chmod(0o644)  # nginx's worker and others read it as other users; it is for this run alone
    return cert, key
