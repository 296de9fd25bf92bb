"""Working folders of the law's scenarios: a registry of their own, signed on the command line, under a clock that the
test sets. The clock is libfaketime's, so that the programs have no switch for it: real time plus an offset that stands
in a file, which the server reads anew each time."""

import datetime
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from conftest import ENTREPOT, ROOT, House, free_port, wait_for

GEO = ROOT / "share" / "geo"
FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)

# Addresses of networks that people sit in, of which both databases agree; and one of a cloud, of which they do not.
PLACES = {"SG": "202.166.1.9", "MY": "175.136.0.9", "ID": "36.64.0.9", "BR": "200.160.2.3", "HK": "218.102.23.9",
          "CN": "223.5.5.5", "US/CN": "47.74.128.1", "JP": "203.104.128.9"}

FROM, UNTIL = "2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z"
ENTERED = {"entered_by": "ann", "entered_at": "2026-10-30T10:00:00Z", "reviewed_by": "ben"}


def clock_can_be_set():
    return FAKETIME is not None and ENTREPOT.split("/")[-2] not in ("asan", "tsan")


def needs_law():
    """What the scenarios cannot do without: skipped by name."""
    if FAKETIME is None:
        pytest.skip("no faketime: make deps")
    if ENTREPOT.split("/")[-2] in ("asan", "tsan"):
        pytest.skip("a set clock and a sanitizer lock each other out: the other builds have these scenarios")
    if not (GEO / "country-a.mmdb").exists():
        pytest.skip("no country databases: make deps")


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Clock:
    """Real time plus an offset."""

    def __init__(self, file, at):
        self.file = file
        self.set(at)

    def set(self, at):
        """From now on it is `at`, "2026-11-02T11:59:59.900Z"."""
        new = self.file.with_suffix(".new")
        self.offset = instant(at) - time.time()
        new.write_text(f"{self.offset:+.6f}\n")
        os.replace(new, self.file)  # readers see the old one or this one, whole

    def wait(self, at):
        """Lets it pass until `at`."""
        while time.time() + self.offset < instant(at):
            time.sleep(0.005)

    @property
    def env(self):
        return {**os.environ, "LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(self.file),
                "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}


class LawHouse(House):
    """Places for so many sandboxes (or servers of the test's own), and the registry that `rules` is: lists of objects by
    the names of their files. put_in_force() writes it, has it signed by grantors and persons, and applies it."""

    def __init__(self, folder, at, upstreams):
        self.folder = folder
        self.clock = Clock(folder.parent / "clock", at)
        self.env = self.clock.env
        self.public, self.operator, self.link = free_port(), free_port(), free_port()
        self.upstreams = [free_port() for _ in range(upstreams)]
        self.processes, self.clients, self.calls, self.probes = {}, {}, [], {}
        subprocess.run([ENTREPOT, "init", str(folder)], check=True, capture_output=True, env=self.env)
        self.conf = folder / "entrepot.yaml"
        text = self.conf.read_text()
        text = re.sub(r"public: .*", f'public: "127.0.0.1:{self.public}"\n'
                      '  trusted_proxies: ["127.0.0.0/8"]\n'
                      f'  links:\n    - {{address: "127.0.0.1:{self.link}", link: landing-1}}', text)
        text = re.sub(r"operator: .*", f'operator: "127.0.0.1:{self.operator}"', text)
        self.conf.write_text(text)
        self.registry = folder / "registry"
        for name in ("grants", "agreements", "lanes", "networks", "data_terms", "credentials", "routes", "products",
                     "procurements", "price_books", "subprocessors", "models", "parties", "keys", "requirements",
                     "billing"):
            (self.registry / f"{name}.yaml").unlink()
        for file in (self.registry / "documents").iterdir():
            file.unlink()
        self.rules, self.key_ids = {}, {}

    # ---- the registry

    def document(self, name, text, kind="contract"):
        file = self.registry / "documents" / f"{name}.txt"
        file.write_text(text + "\n")
        return {"file": f"documents/{name}.txt", "kind": kind, "signed_on": "2025-12-20", "pages": 1,
                "language": "en", "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}

    def key_of(self, party):
        """The id of the party's key, made at its first use."""
        if party not in self.key_ids:
            key = f"k.{party}.2026"
            made = self.command("registry", "keygen", str(self.folder / "keys" / f"{key}.key"))
            self.rules.setdefault("keys", []).append(
                {"id": key, "party": party, "public_key": made.stdout.strip(), "valid_from": FROM, "valid_until": UNTIL})
            self.key_ids[party] = key
        return self.key_ids[party]

    def write(self, name):
        """One file: a line a field, each value in JSON, which is YAML too."""
        lines = [f"{name}:" + ("" if self.rules[name] else " []")]
        for row in self.rules[name]:
            for at, (field, value) in enumerate(row.items()):
                shown = value if field == "id" else json.dumps(value, ensure_ascii=False)
                lines.append(("  - " if at == 0 else "    ") + f"{field}: {shown}")
        (self.registry / f"{name}.yaml").write_text("\n".join(lines) + "\n")

    def sign_grant(self, row):
        party = row["grantor"]
        self.command("registry", "sign-grant", str(self.registry), "--grant", row["id"], "--key",
                     str(self.folder / "keys" / f"{self.key_of(party)}.key"), "--key-id", self.key_of(party))

    def write_all(self):
        """All files, then the grantors' signatures, which the grants and agreements keep."""
        unsigned = [row for name in ("grants", "agreements") for row in self.rules[name]
                    if "signature" not in row and not row.get("online")]
        for row in unsigned:
            self.key_of(row["grantor"])
        for name in self.rules:
            self.write(name)
        for row in unsigned:
            self.sign_grant(row)
        for name in ("grants", "agreements"):
            self.keep_signatures(name)

    def keep_signatures(self, name):
        row = None
        for line in (self.registry / f"{name}.yaml").read_text().splitlines():
            if line.startswith("  - id: "):
                row = next(row for row in self.rules[name] if row["id"] == line[8:])
            elif line.startswith("    signature: "):
                words = re.findall(r'"?(\w+)"?: "?([\w.-]+)"?', line[15:])
                row["signature"] = dict(words)

    def row(self, name, wanted):
        return next(row for row in self.rules[name] if row["id"] == wanted)

    def put_in_force(self):
        self.write_all()
        return self.apply()

    def refused(self, *codes):
        """What the folder says is refused with these codes by check and by apply, and what was in force stays."""
        before = self.json("registry", "show")["version"]
        said = self.command("registry", "check", str(self.registry), check=False)
        assert said.returncode == 1, said.stdout + said.stderr
        done = self.command("registry", "apply", check=False)
        assert done.returncode == 1, done.stdout + done.stderr
        for text in (said.stdout + said.stderr, done.stderr):
            for code in codes:
                assert re.search(rf"^[a-z_]+\.yaml:\d+:\d+: {re.escape(code)}: ", text, re.M), text
        assert self.json("registry", "show")["version"] == before
        return said.stdout + said.stderr

    # ---- clients

    def client(self, name, party, product, credit="100", more=()):
        made = self.json("client", "add", "--name", name, *(("--party", party) if party else ()), *more)["id"]
        self.clients[name] = made
        self.command("credit", "purchase", "--client", made, "--amount", credit, "--kind", "paid", "--product", product)
        return made

    def new_key(self, name, product, *more):
        return self.json("key", "add", "--client", self.clients[name], "--product", product, *more)["key"]

    # ---- calls

    def ask(self, key, body, address, link=False, headers=None, path="/v1/chat/completions", before=None):
        """(status, headers, body) of a call from an address."""
        if before is not None:
            before()
        answer = self.request(path, body, key=key, port=self.link if link else self.public,
                              headers={"X-Forwarded-For": PLACES.get(address, address), **(headers or {})})
        if answer[1]["x-entrepot-call"]:
            self.calls.append(answer[1]["x-entrepot-call"])
        return answer

    def receipt(self, call):
        wait_for(lambda: self.command("receipt", "show", call, check=False).returncode == 0, "the receipt")
        return self.json("receipt", "show", call)

    def refusal(self, answer, status, code):
        """The error of a refusal that is told as it must be, billed nothing and dispatched nowhere; and its receipt."""
        got, headers, body = answer
        error = json.loads(body)["error"]
        assert (got, error["code"]) == (status, code), body
        assert error["type"] == "compliance_refusal", body
        assert headers["x-should-retry"] == "false", "nothing that the law refuses changes within a minute"
        assert headers["retry-after"] == ("60" if status == 503 else None)
        told = error["entrepot"]
        assert told["call"] == headers["x-entrepot-call"] and told["at"] and told["remedy"]
        assert told["retry"] in ("never", "after", "after_change")
        shown = self.receipt(told["call"])
        assert int(shown["client"]["amount"]) == 0 and shown["client"]["outcome"] == "refused"
        assert shown["operator"]["tries"] == [] and not shown["operator"]["route"], shown
        return told, shown

    def fine(self, answer):
        status, headers, body = answer
        assert status == 200, body
        return self.receipt(headers["x-entrepot-call"])

    def upstream(self, at, *flags):
        self.probes[at] = 0
        super().upstream(at, *flags)

    def served(self, at):
        """How many calls an upstream (a sandbox) was sent since its start, as its own count of them has it."""
        _, headers, _ = self.request("/v1/chat/completions", key="probe", port=self.upstreams[at], body={
            "model": "probe", "messages": [{"role": "user", "content": "x"}]})
        self.probes[at] += 1
        return int(headers["x-request-id"].rsplit("-", 1)[1]) - self.probes[at]

    # ---- the end

    def replay_all(self):
        """Each call of the test, judged again by the stored registry and facts, gets the verdict that it got."""
        for call in self.calls:
            done = self.command("verdict", "replay", call, check=False)
            asked = "the law was not asked" not in done.stderr
            assert not asked or done.returncode == 0, (call, done.stdout, done.stderr)

    def end(self):
        try:
            self.replay_all()
        finally:
            self.stop()
        audit = self.command("audit", check=False)
        assert audit.returncode == 0, audit.stdout + audit.stderr
        shutil.rmtree(self.folder, ignore_errors=True)


# ---- objects that are much alike


def party(name, kind, country, **more):
    row = {"id": name, "kind": kind, "legal_name": f"Example {name}", "jurisdiction": country, **more}
    if kind in ("vendor", "cloud", "channel", "compute_center"):
        row.setdefault("official_hosts", ["127.0.0.1"])
    return row


def client_party(name, country, **more):
    return party(name, "client", country, **{
        "kyc": {"level": 2, "verified_by": "ann", "verified_at": FROM, "expires_at": UNTIL},
        "client_type": "enterprise", "billing_country": country, "end_users": [country],
        "billing_instrument": {"country": country, "kind": "company_card"}, "registered_at": "2019-03-03T00:00:00Z",
        **more})


def grant(name, grantor, grantee, parent, models, allow, doc, **more):
    return {"id": name, "version": 1, "grantor": grantor, "grantee": grantee, "parent": parent, "models": models,
            "actions": ["api_call", "aggregate", "resell"], "regions": {"allow": allow, "deny": ["CN", "IR", "KP"]},
            "client_types": ["enterprise", "developer", "consumer"], "sublicense_depth": 0, "valid_from": FROM,
            "valid_until": "2027-01-01T00:00:00Z", "doc": doc, "evidence_class": "written_signed", **more, **{
                key: value for key, value in ENTERED.items() if key not in more}}


def agreement(name, seller, client, markets, doc, terms, **more):
    return {"id": name, "version": 1, "grantor": seller, "grantee": client, "actions": ["api_call"],
            "regions": {"allow": ["WORLD"], "deny": ["CN", "IR", "KP"]}, "markets": markets,
            "client_types": ["enterprise", "developer", "consumer"], "valid_from": FROM, "valid_until": UNTIL,
            "doc": doc, "evidence_class": "written_signed", "data_terms": terms, **ENTERED, **more}


def upstream_terms(name, doc, **more):
    return {"id": name, "dpa": {"version": "1", "signed": True, "valid_from": FROM, "valid_until": UNTIL, "doc": doc},
            "retention_days": 0, "training": "no", "human_review": "no", "analytics": False, "children_allowed": True,
            **more}


def client_terms(name, doc, locations, basis, **more):
    return {"id": name, "dpa": {"version": "3", "signed": True, "valid_from": FROM, "valid_until": UNTIL, "doc": doc},
            "retention_days": 0, "training": "no", "human_review": "abuse_only", "locations": locations,
            "transfer_basis": [{"from": a, "to": b, "mechanism": how, "valid_from": FROM, "valid_until": UNTIL,
                                "doc": doc} for a, b, how in basis],
            "record": {"controller": "the client", "contact": "dpo@client.example", "categories": "content of calls",
                       "transfers": "see transfer_basis", "security": "TLS"}, **more}


def lane(name, markets, to, mechanisms, source):
    return {"id": name, "from": markets, "to": to, "mechanisms": mechanisms, "valid_from": "2025-05-01T00:00:00Z",
            "source": source}


def model(name, vendor, origin, **more):
    return {"id": name, "vendor": vendor, "origin": origin, "version": "2026-09", "declared_names": [name],
            "modalities": ["text"], "context_tokens": 64000, "output_tokens_max": 8192, **more}


def bought(house, upstream, buyer, host="127.0.0.1", name=None, grant=None, more=None):
    """A procurement and its credential."""
    name = name or upstream
    secret = house.folder / "keys" / f"up-{name}.key"
    secret.write_text("sk-made-up\n")
    secret.chmod(0o600)
    house.rules.setdefault("procurements", []).append(
        {"id": f"p.{name}", "upstream_party": upstream, "buyer": buyer, "keys_max": 1, "valid_from": FROM,
         "valid_until": UNTIL, "doc": house.document(f"procurement-{name}", f"{buyer} buys calls of {upstream}.")})
    house.rules.setdefault("credentials", []).append(
        {"id": f"c.{name}", "upstream_party": upstream, "account_holder": buyer, "class": "enterprise_contract",
         "endpoint_host": host, "secret": f"file:keys/up-{name}.key", "max_concurrent": 1000,
         "procurement": f"p.{name}", **({"grant": grant} if grant else {}), **(more or {})})


def route(name, upstream, model, port, place, terms, price, credential=None, **more):
    return {"id": name, "upstream_party": upstream, "model": model, "credential": credential or f"c.{upstream}",
            "dialect": "openai_chat", "endpoint": f"http://127.0.0.1:{port}/v1", "upstream_model": model,
            "place": place, "abort_billing": "stops", "output_cap_field": "max_tokens", "special_text": "literal",
            "contract_price": price, "data_terms": terms, **more}
