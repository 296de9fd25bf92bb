"""Random registries and calls, mostly lawful: each thing is right by itself, and with some chance one of its facts is not."""

import hashlib
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from model import ACTIONS, DAY, US_CATEGORIES, canonical_grant, instant, written

TIMES = [f"2026-{month:02d}-01T00:00:00Z" for month in range(1, 13)]
BEGIN = instant("2025-12-31T00:00:00Z")
EARLY, LATE = "2020-01-01T00:00:00Z", "2031-01-01T00:00:00Z"
SOUTH_EAST = ["SG", "MY", "TH", "ID", "VN", "PH"]
ELSEWHERE = ["US", "DE", "BR", "JP", "AE", "HK", "CN"]
TYPES = ["enterprise", "developer", "consumer", "government", "education", "child_directed"]


class Random:
    """Draws; `odds` is the chance that a fact is wrong."""

    def __init__(self, rng, odds):
        self.rng, self.odds = rng, odds

    def wrong(self, factor=1.0):
        return self.rng.random() < self.odds * factor

    def pick(self, *values):
        return self.rng.choice(values)

    def some(self, values, least=1):
        return sorted(self.rng.sample(list(values), self.rng.randint(min(least, len(values)), len(values))))


class World:
    def __init__(self, rng, odds):
        self.r = Random(rng, odds)
        self.documents = {}
        self.private = {}
        self.registry = {}
        self.build()

    def files(self):
        """As the server reads them: JSON is YAML."""
        out = {f"{kind}.yaml": json.dumps({kind: rows}) for kind, rows in self.registry.items()}
        out.update({name: text.decode() for name, text in self.documents.items()})
        return out

    # ---- small things ---------------------------------------------------------------------------

    def window(self, factor=1.0):
        """Most hold all year; some just."""
        if self.r.wrong(1):
            return {"valid_from": TIMES[0], "valid_until": TIMES[11]}
        if self.r.wrong(factor):
            begin, end = sorted(self.r.rng.sample(range(12), 2))
            return {"valid_from": TIMES[begin], "valid_until": TIMES[end]}
        return {"valid_from": EARLY, "valid_until": LATE}

    def doc(self, name, kind="contract"):
        text = f"document {name}\n".encode()
        file = f"documents/{name}.txt"
        digest = hashlib.sha256(text).hexdigest()
        if self.r.wrong(0.2):
            text += b"."
        if not self.r.wrong(0.2):
            self.documents[file] = text
        return {"file": file, "sha256": digest, "kind": kind, "signed_on": "2025-12-20", "pages": 3, "language": "en"}

    def key(self, party):
        private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(party.encode()).digest())
        self.private[party] = private
        public = private.public_key().public_bytes_raw().hex()
        return {"id": f"k.{party}", "party": party, "public_key": public, "valid_from": EARLY, "valid_until": LATE}

    def sign(self, entry):
        signer = self.r.pick("vendor-a", "cloud", "op") if self.r.wrong(0.3) else entry["grantor"]
        text = canonical_grant(entry)
        if self.r.wrong(0.2):
            text += b" "
        signature = {"alg": "ed25519", "key_id": f"k.{signer}", "sig": self.private[signer].sign(text).hex()}
        if entry.get("grantee") in self.private and self.r.wrong(2):
            second = "other" if self.r.wrong(2) else entry["grantee"]
            signature["countersig_key_id"] = f"k.{second}"
            signature["countersig"] = self.private[second].sign(text).hex()
        entry["signature"] = signature
        return entry

    def eyes(self):
        return {"entered_by": "ann", "entered_at": "2026-01-02T00:00:00Z", "reviewed_by": "bob"}

    def regions(self, wide=True):
        if self.r.wrong():
            out = {"allow": self.r.some(SOUTH_EAST + ELSEWHERE)}
        elif wide:
            out = {"allow": ["WORLD"]}
        else:
            out = {"allow": ["group:south-east", "US", "BR"]}
        if self.r.wrong():
            out["deny"] = self.r.some(SOUTH_EAST + ELSEWHERE)
        return out

    # ---- the registry -----------------------------------------------------------------------------

    def build(self):
        self.registry["persons"] = [
            {"id": name, "name": name, "public_key": hashlib.sha256(name.encode()).hexdigest(), "valid_from": EARLY,
             "valid_until": LATE} for name in ("ann", "bob")]
        self.registry["regions"] = [{"id": "south-east", "version": 1, "members": SOUTH_EAST, "valid_from": EARLY,
                                     "source": "test"}]
        self.build_parties()
        self.build_models()
        self.build_places()
        self.build_grants()
        self.build_data()
        self.build_routes()
        self.build_products()
        self.build_clients_legs()
        self.build_rows()

    def party(self, name, kind, country, **more):
        row = {"id": name, "kind": kind, "legal_name": name, "jurisdiction": country, **more}
        if kind in ("vendor", "cloud", "channel", "compute_center"):
            row["official_hosts"] = [f"api.{name}.test", f"*.{name}.example"]
        if self.r.wrong():
            row["owners"] = [{"jurisdiction": self.r.pick("CN", "US", "SG"), "percent": self.r.pick(30, 50, 51, 100)}]
            if self.r.wrong(3) and row["owners"][0]["percent"] <= 50 and kind == "client":
                row["owners"].append({"party": self.r.pick("vendor-a", "cloud"), "percent": self.r.pick(20, 50)})
            elif self.r.wrong(5) and kind == "client":
                row["owners"] = [{"party": self.r.pick("vendor-b", "comp", "chan", "cloud"),
                                  "percent": self.r.pick(50, 51)}]
        return row

    def build_parties(self):
        rows = [self.party("vendor-a", "vendor", "US"), self.party("vendor-b", "vendor", "CN"),
                self.party("vendor-c", "vendor", "SG"), self.party("cloud", "cloud", "US"),
                self.party("chan", "channel", "SG"), self.party("comp", "compute_center", "CN"),
                self.party("op", "aggregator", "SG"), self.party("other", "aggregator", "MY")]
        op = rows[6]
        if not self.r.wrong(2):
            op["qualifications"] = [{"type": "representative", "number": "1", "region": ["TH", "ID"], "doc": self.doc("rep"),
                                     **self.window()}]
        if self.r.wrong(2):
            op.setdefault("qualifications", []).append(
                {"type": "genai_filing", "number": "2", "region": ["CN"], "model": self.r.pick("a-large", "c-small"),
                 "doc": self.doc("filing"), **self.window()})
        for at in range(4):
            country = self.r.pick(*(SOUTH_EAST + (ELSEWHERE if self.r.wrong(2) else [])))
            if self.r.rng.random() < 0.05:
                country = "US"
            elif self.r.wrong():
                country = "CN"
            row = self.party(f"client-{at}", "client", country)
            if not self.r.wrong(0.5):
                row["billing_country"] = self.r.pick(*ELSEWHERE) if self.r.wrong() else country
            if not self.r.wrong(0.5):
                row["client_type"] = self.r.pick(*TYPES) if self.r.wrong(2) else "enterprise"
            if self.r.wrong(2):
                row["markets_declared"] = self.r.some(SOUTH_EAST + ELSEWHERE)
            if self.r.wrong(2):
                row["end_users"] = self.r.some(SOUTH_EAST + ELSEWHERE)
            if self.r.wrong(2):
                row["billing_instrument"] = {"country": self.r.pick("CN", "SG"),
                                             "kind": self.r.pick("bank", "company_card", "consumer_card", "wallet")}
            rows.append(row)
        self.registry["parties"] = rows
        self.registry["keys"] = [self.key(name) for name in
                                 ("vendor-a", "vendor-b", "vendor-c", "cloud", "chan", "op", "comp", "other")]
        if self.r.wrong(0.5):
            row = self.r.pick(*self.registry["keys"])
            row["valid_from" if self.r.wrong(5) else "valid_until"] = self.r.pick("2026-01-02T00:00:00Z",
                                                                                 "2026-01-01T00:00:00Z")
        if self.r.wrong(0.5):
            self.r.pick(*self.registry["keys"])["revoked_at"] = self.r.pick("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z")

    def build_models(self):
        def model(name, vendor, origin, **more):
            return {"id": name, "vendor": vendor, "origin": origin, "version": "1", "declared_names": [name],
                    "modalities": ["text"], "context_tokens": 1000, "output_tokens_max": 100, **more}
        self.licence = self.doc("licence", "licence")
        licence = {"id": "open-1", "commercial": not self.r.wrong(2), "doc": self.licence}
        self.registry["models"] = [model("a-large", "vendor-a", "US", family="a"), model("a-small", "vendor-a", "US", family="a"),
                                   model("b-chat", "vendor-b", "CN"), model("c-small", "vendor-c", "SG"),
                                   model("c-open", "vendor-c", "SG", weights="open", licence=licence, family="open")]

    def build_places(self):
        self.registry["pools"] = [
            {"id": "pool-z", "operator": "comp", "zone": "zone-1", "place": "CN/z", "max_concurrent": 10},
            {"id": "pool-free", "operator": "comp", "place": "CN/f", "max_concurrent": 10},
            {"id": "pool-own", "operator": "op", "place": "SG/own", "max_concurrent": 10},
            {"id": "pool-far", "operator": "comp", "zone": "zone-2", "place": "CN/y", "max_concurrent": 10}]
        of_zone = ["pool-z"]
        if self.r.wrong():
            del self.registry["pools"][0]["zone"]
            self.registry["pools"].append({"id": "pool-new", "operator": "comp", "zone": "zone-1", "place": "CN/n",
                                           "max_concurrent": 10})
            of_zone = ["pool-new"]
        self.registry["zones"] = [self.zone("zone-1", of_zone, "pool-z"), self.zone("zone-2", ["pool-far"], "pool-far")]

    def zone(self, name, of_zone, approved):
        separation = {item: self.r.pick("shared", "physical") if self.r.wrong(0.3) else self.r.pick("physical", "logical")
                      for item in ("network", "compute", "storage", "keys", "admin", "logs", "cache")}
        return {
            "id": name, "operator": "comp", "facilities": [f"hall-{name}"], "pools": of_zone,
            "approval": {"doc": self.doc(f"approval-{name}"), "authority": "city", "pools": [approved],
                         "operators": ["other"] if self.r.wrong(0.5) else ["op", "comp"], **self.window(0.5)},
            "ingress_links": ["sea-1", "sea-2"], "egress_links": ["sea-1", "sea-2"],
            "allowed_markets": self.r.some(SOUTH_EAST) if self.r.wrong() else ["group:south-east"],
            "separation": separation, "retention_max_s": 86400 if self.r.wrong() else 0,
            "output_readers": self.r.some(["comp", "chan", "client-0"]) if self.r.wrong(0.5) else []}

    def grant(self, name, grantor, grantee, parent, models, depth, **more):
        row = {"id": name, "version": 1, "grantor": grantor, "grantee": grantee, "parent": parent,
               "models": ["a-large"] if self.r.wrong(0.3) else models,
               "actions": self.r.some(ACTIONS) if self.r.wrong(0.7) else list(ACTIONS),
               "regions": self.regions(), "client_types": self.r.some(TYPES) if self.r.wrong() else list(TYPES),
               "brand_terms": {"must_name_vendor": self.r.pick(True, False), "may_rename": self.r.pick(True, False),
                               "brands": self.r.some(["B", "C"], 0)},
               "sublicense_depth": max(0, depth + (self.r.pick(-1, 1) if self.r.wrong(0.5) else 0)),
               "evidence_class": self.r.pick("written_unsigned", "click_through", "verbal") if self.r.wrong(0.3)
               else "written_signed",
               "doc": self.doc(f"grant-{name}", self.r.pick("contract", "authorization_letter", "licence", "click_through")
                               if self.r.wrong(0.5) else "contract"),
               **self.window(), **self.eyes(), **more}
        if self.r.wrong():
            row["exclude_owned_from"] = ["CN"] if self.r.wrong(5) else ["CN", "US"]
        if self.r.wrong():
            row["quota"] = {"tokens": 1000, "period": "month"}
        if self.r.wrong(0.5):
            row["revoked_at"] = self.r.pick(*TIMES)
            if self.r.wrong(5):
                row["runoff_until"] = self.r.pick(*TIMES)
        return self.sign(row)

    def build_grants(self):
        a = ["family:a"] if self.r.wrong(5) else ["a-large", "a-small"]
        licence = {} if self.r.wrong() else {"doc": self.licence}
        rows = [self.grant("g-a-op", "vendor-a", "op", "root", a, 0),
                self.grant("g-a-cloud", "vendor-a", "cloud", "root", a, 1),
                self.grant("g-cloud-op", "cloud", "op", "g-a-cloud", ["a-large", "a-small"], 0),
                self.grant("g-b-chan", "vendor-b", "chan", "root", ["b-chat"], 1),
                self.grant("g-chan-op", "chan", "op", "g-b-chan", ["b-chat"], 0),
                self.grant("g-b-op", "vendor-b", "op", "root", ["b-chat"], 0),
                self.grant("g-c-op", "vendor-c", "op", "root", ["c-small"], 0),
                self.grant("g-c-open", "vendor-c", "op", "licence", ["family:open"] if self.r.wrong() else ["c-open"], 0,
                           **licence)]
        if self.r.rng.random() < 0.3:
            if self.r.rng.random() < 0.5:
                rows.remove(rows[2])
            rows += [self.grant("g-a-chan", "vendor-a", "chan", "root", a, 2),
                     self.grant("g-chan-cloud", "chan", "cloud", "g-a-chan", a if self.r.wrong(5) else ["a-large"], 1),
                     self.grant("g-deep-op", "cloud", "op", "g-chan-cloud", ["a-large"], 0)]
        if self.r.wrong():
            rows.append(self.grant("g-c-other", "vendor-c", "other", "root", ["c-small"], 2))
            rows.append(self.grant("g-other-op", "other", "op", "g-c-other", ["c-small"], 0))
        if self.r.wrong():
            rows.remove(self.r.pick(*rows))
        if self.r.wrong():
            moved = self.r.pick(*rows)
            moved["parent"] = self.r.pick("root", "licence", moved["id"], *(row["id"] for row in rows), "g-none")
            if not self.r.wrong(5):
                self.sign(moved)
        self.registry["grants"] = rows

    def build_data(self):
        self.registry["data_terms"] = [self.terms("up-a"), self.terms("up-cloud"), self.terms("up-b"), self.terms("up-z"),
                                       self.terms("mine-1", client=True), self.terms("mine-2", client=True)]
        entries = [{"party": party, "service": "models", "location": "SG"} for party in
                   ("vendor-a", "cloud", "vendor-b", "chan", "vendor-c", "comp")]
        lists = [{"id": "subs", "version": 1, "published_at": EARLY, "effective_at": EARLY, "notice_days": 0,
                  "entries": [e for e in entries if not self.r.wrong(0.3)]}]
        if self.r.wrong(3):
            lists[0]["objections"] = [{"client": f"client-{at}", "party": self.r.pick("cloud", "comp", "vendor-a"),
                                       "at": self.r.pick(*TIMES)} for at in range(3) if self.r.rng.random() < 0.5]
        if self.r.rng.random() < 0.2:
            if self.r.rng.random() < 0.5:
                lists[0]["entries"] = [e for e in entries if self.r.rng.random() < 0.7]
            lists.append({"id": "subs-2", "version": 2, "published_at": TIMES[2], "effective_at": TIMES[self.r.pick(4, 8)],
                          "notice_days": 30, "entries": [e for e in entries if not self.r.wrong(0.5)]})
        self.registry["subprocessors"] = lists

    def terms(self, name, client=False):
        row = {"id": name, "retention_days": None if self.r.wrong(0.5) else self.r.pick(0, 0, 0, 30),
               "training": self.r.pick("unknown", "opt_in", "yes") if self.r.wrong() else "no",
               "human_review": self.r.pick("unknown", "yes") if self.r.wrong() else self.r.pick("no", "abuse_only"),
               "children_allowed": not self.r.wrong(), "deletion_sla_days": 30, "breach_hours": 72,
               "purposes": ["inference"], "data_categories": ["text"]}
        if not self.r.wrong(0.5):
            row["dpa"] = {"version": "2" if self.r.wrong() else "3", "signed": not self.r.wrong(0.5), **self.window(0.7),
                          "doc": self.doc(f"dpa-{name}")}
        if not self.r.wrong(0.5):
            row["analytics"] = self.r.wrong()
        if client:
            row["retention_days"] = None if self.r.wrong(0.5) else self.r.pick(0, 30, 90)
            row["locations"] = self.r.some(["US", "SG", "CN"]) if self.r.wrong(2) else ["US", "SG", "CN"]
            row["us_declared"] = self.r.pick(True, False)
            row["us_categories"] = self.r.some(US_CATEGORIES, 0)
            row["record"] = {field: "x" for field in ("controller", "contact", "categories", "transfers", "security")
                             if not self.r.wrong(0.2)}
            row["transfer_basis"] = [
                {"from": market, "to": place, "mechanism": self.r.pick("scc_eu", "consent") if self.r.wrong()
                 else "contract_pdpa26", "doc": self.doc(f"basis-{name}-{market}-{place}"), **self.window(0.5)}
                for market in SOUTH_EAST + ELSEWHERE for place in ("US", "SG", "CN")
                if market != place and not self.r.wrong(0.5)]
        elif self.r.wrong(2):
            row["third_parties"] = self.r.some(["cloud", "chan", "other", "op"])
        return row

    def build_routes(self):
        credentials, routes, procurements = [], [], []

        def route(name, upstream, model, place, terms, **more):
            host = "evil.test" if self.r.wrong(0.3) else self.r.pick(f"api.{upstream}.test", f"eu.{upstream}.example:8443")
            holder = "other" if self.r.wrong(0.3) else more.pop("holder", "op")
            more.pop("holder", None)
            credential = {"id": f"c-{name}", "upstream_party": upstream, "account_holder": holder,
                          "class": "enterprise_contract", "endpoint_host": host.split(":")[0], "secret": "env:KEY",
                          "max_concurrent": 5}
            if not self.r.wrong(0.5):
                credential["procurement"] = f"p-{name}"
            if self.r.wrong(2):
                credential["grant"] = self.r.pick(*(row["id"] for row in self.registry["grants"]))
            order = [{"id": f"po-{name}-{at}", "tokens": 5000, "doc": self.doc(f"po-{name}-{at}"), **self.window()}
                     for at in range(2 if self.r.wrong(2) else 1)]
            procurements.append({"id": f"p-{name}", "upstream_party": "other" if self.r.wrong(0.3) else upstream,
                                 "buyer": "other" if self.r.wrong(0.3) else "op", "keys_max": 1,
                                 "purchase_orders": order if self.r.wrong(3) else [], "doc": self.doc(f"proc-{name}"),
                                 **self.window(0.7)})
            credentials.append(credential)
            row = {"id": name, "upstream_party": upstream, "model": model, "credential": f"c-{name}",
                   "dialect": "openai_chat", "endpoint": f"https://{host}/v1", "upstream_model": model, "place": place,
                   "abort_billing": "stops", "output_cap_field": "max_tokens", "contract_price": "cost", **more}
            if not self.r.wrong(0.5):
                row["data_terms"] = terms
            if self.r.wrong(0.5):
                row["state"] = "suspended"
            if self.r.wrong(0.5):
                row["attachments"] = [{"id": kind, "kind": kind, "tag": self.r.pick("unknown", "overseas", "domestic")}
                                      for kind in self.r.some(["rag", "tool", "file", "cache"])]
            routes.append(row)

        route("r-a-direct", "vendor-a", "a-large", "US/west", "up-a")
        route("r-a-cloud", "cloud", "a-large", "SG/north", "up-cloud")
        route("r-a-small", "vendor-a", "a-small", "US", "up-a")
        route("r-b-chan", "chan", "b-chat", "SG", "up-b")
        route("r-b-zone", "comp", "b-chat", "CN/z", "up-z", pool="pool-free" if self.r.wrong() else "pool-z")
        route("r-b-free", "comp", "b-chat", "CN/f", "up-z", pool="pool-free")
        route("r-c", "vendor-c", "c-small", "SG", "up-a")
        route("r-c-own", "vendor-c", "c-small", "SG/own", "up-a", holder="vendor-c")
        if self.r.wrong(5):
            route("r-b-far", "comp", "b-chat", "CN/y", "up-z", pool="pool-far")
        route("r-open", "comp", "c-open", "SG/own", "up-b", pool="pool-own")
        self.registry["credentials"], self.registry["routes"] = credentials, routes
        self.registry["procurements"] = procurements

    def build_products(self):
        price = {"input": "1", "output": "2"}
        models = [m["id"] for m in self.registry["models"]]
        self.registry["price_books"] = [{"id": "cost", "version": "1", "currency": "USD",
                                         "lines": {m: dict(price) for m in models}}]

        def product(name, mode, sold, **more):
            row = {"id": name, "name": name, "mode": mode, "brand": "B", "models": sold, "price_book": "cost", "seller": "op",
                   "official": mode == "direct",
                   "unit": {"name": "AI token", "per_currency_unit": 10000},
                   "plans": [{"id": "starter", "price": "100", "currency": "USD", "units": 1000000, "expires_days": 365}],
                   **more}
            if self.r.wrong():
                row["markets"] = self.regions()
            elif self.r.rng.random() < 0.1:
                row["markets"] = {"allow": ["WORLD", "CN"]}
            if self.r.wrong():
                row["names_vendor"] = False
            if self.r.wrong():
                row["device"] = True
            if self.r.wrong():
                row["caches"] = True
            if self.r.wrong():
                row["aliases"] = [{"name": "brand-one", "model": self.r.pick(*sold)}]
            if self.r.wrong(3):
                row["dpa"] = {"version": "3"}
                if self.r.wrong(5):
                    row["dpa"].update({"previous": "2", "grace_until": self.r.pick(*TIMES)})
            return row

        self.registry["products"] = [product("world", "aggregate", models), product("one", "aggregate", ["c-small"]),
                                     product("zone", "zone", ["b-chat"], zone="zone-1"),
                                     product("direct", "direct", ["c-small"], seller="vendor-c")]
        if self.r.wrong():
            self.registry["products"][2]["content_policy"] = "flag"

    def leg(self, name, client, terms, **more):
        row = {"id": name, "version": 1, "grantor": more.pop("grantor", "op"), "actions": ["api_call"] if self.r.wrong()
               else ["api_call", "device_embed"], "regions": self.regions(),
               "client_types": self.r.some(TYPES) if self.r.wrong() else list(TYPES),
               "doc": self.doc(f"leg-{name}", "click_through" if self.r.wrong(0.3) else "contract"),
               "evidence_class": "verbal" if self.r.wrong(0.3) else "written_signed",
               **self.window(0.7), **self.eyes(), **more}
        if client:
            row["grantee"] = client
        if not self.r.wrong(0.5):
            row["data_terms"] = terms
        if self.r.wrong():
            row["child_directed"] = True
        if self.r.wrong(0.5):
            row["revoked_at"] = self.r.pick(*TIMES)
        return row if row.get("online") else self.sign(row)

    def build_clients_legs(self):
        rows = []
        for at in range(4):
            if self.r.wrong(0.7):
                continue
            home = next(p for p in self.registry["parties"] if p["id"] == f"client-{at}")["jurisdiction"]
            markets = self.r.some(SOUTH_EAST + ELSEWHERE, 0) if self.r.wrong(2) else [home]
            rows.append(self.leg(f"leg-{at}", f"client-{at}", self.r.pick("mine-1", "mine-2"), markets=markets))
            if self.r.wrong():
                rows.append(self.leg(f"leg-{at}-old", f"client-{at}", "mine-2", markets=[home]))
            if self.r.wrong(5) or at == 0:
                rows.append(self.leg(f"leg-{at}-direct", f"client-{at}", "mine-1", markets=[home], grantor="vendor-c"))
        rows.append(self.leg("leg-online", None, "mine-1", online=True,
                             **({"markets": self.r.some(SOUTH_EAST)} if self.r.wrong(2) else {})))
        self.registry["agreements"] = rows

    def build_rows(self):
        self.registry["lanes"] = [
            {"id": "lane-all", "from": ["WORLD", "CN"], "to": ["US", "SG"],
             "mechanisms": ["none"] if self.r.wrong(3) else ["contract_pdpa26", "consent"], "source": "test", **self.window(0.5)},
            {"id": "lane-cn", "from": ["group:south-east"] if self.r.wrong(5) else ["WORLD"], "to": ["CN"],
             "mechanisms": ["contract_pdpa26"], "source": "test", **self.window(0.5)}]
        self.registry["thresholds"] = [
            {"id": f"us-{c}", "name": f"us_bulk.{c}", "value": 100, "source": "test", **self.window(0.5)}
            for c in US_CATEGORIES if not self.r.wrong(0.5)]
        if self.r.wrong(3):
            self.registry["thresholds"].append({"id": "us-second", "name": f"us_bulk.{self.r.pick(*US_CATEGORIES)}",
                                                "value": self.r.pick(99, 101), "source": "test", **self.window(2)})
        if self.r.wrong(3):
            self.registry["lanes"].append({"id": "lane-second", "from": self.r.some(SOUTH_EAST + ELSEWHERE),
                                           "to": ["SG", "CN"], "mechanisms": ["scc_eu", "contract_pdpa26"],
                                           "source": "test", **self.window(2)})
        self.registry["requirements"] = [{"id": "rep", "markets": ["TH", "ID"], "qualification": "representative",
                                          "source": "test", **self.window(2)}]
        self.registry["billing"] = []
        for at in range(3):
            if not self.r.wrong(3):
                continue
            row = {"id": f"b-{at}", "party": self.r.pick("vendor-a", "cloud", "chan", "client-0", "client-1", "comp"),
                   "period": "2026-05", "state": self.r.pick("closed", "pending", "open")}
            if row["state"] == "open" and not self.r.wrong():
                row["open_since"] = self.r.pick(*TIMES)
            if self.r.wrong(5):
                row["unpaid_due"] = self.r.pick(*TIMES)
            self.registry["billing"].append(row)

    # ---- a call -------------------------------------------------------------------------------------

    def call(self, edges):
        """Of a call at some instant: often of an edge of the registry's, or just before or after it."""
        r = self.r
        product = r.pick(*self.registry["products"])
        facts = {"product": product["id"], "model": "a-large" if r.wrong(0.3) else r.pick(*product["models"]),
                 "ingress": "default" if r.wrong() else "sea-1",
                 "now": self.moment(edges), "has_callback": r.wrong(0.5), "has_order": not r.wrong(0.3),
                 "review": r.pick("resale", "origin") if r.wrong(0.3) else "none",
                 "content": {"scanned": not r.wrong(0.3), "strong": "cn_resident_id" if r.wrong(0.5) else "",
                             "marker": "secret" if r.wrong(0.3) else ""},
                 "consent_ref": "" if r.wrong() else "consent-1", "market": r.pick(*(SOUTH_EAST + ELSEWHERE)) if r.wrong(2)
                 else "", "quarantined": [],
                 "origin": self.origin()}
        if r.wrong():
            document = next(row for row in self.registry["agreements"] if row["id"] == "leg-online")["doc"]
            facts["online"] = {"country": "" if r.wrong(0.5) else r.pick(*SOUTH_EAST),
                               "billing_country": "" if r.wrong(0.5) else "SG",
                               "client_type": "" if r.wrong(0.5) else "developer",
                               "agreement": "leg-1" if r.wrong(0.5) else "leg-online",
                               "sha256": "0" * 64 if r.wrong(0.5) else document["sha256"],
                               "accepted_at": r.pick(*TIMES) if r.wrong() else TIMES[0]}
        facts["client"] = "" if "online" in facts and not r.wrong(5) else f"client-{r.rng.randrange(4)}"
        counters = {"grant_tokens": {g["id"]: r.pick(999, 1000) for g in self.registry["grants"] if r.wrong(2)},
                    "order_tokens": {p["id"]: r.pick(4999, 5000) for p in self.registry["procurements"] if r.wrong(2)},
                    "us_bulk": {c: r.pick(99, 100, 101) for c in US_CATEGORIES if r.rng.random() < 0.2}}
        facts["counters"] = counters
        facts["quarantined"] = [x["id"] for x in self.registry["routes"] if x["model"] == facts["model"] and r.wrong(0.2)]
        return facts

    def moment(self, edges):
        """Often the very instant of an edge, or the nanosecond before or after."""
        within_year = [edge for edge in edges if BEGIN <= edge < BEGIN + 366 * DAY]
        if within_year and self.r.rng.random() < 0.4:
            return written(self.r.pick(*within_year) + self.r.pick(-1, 0, 0, 1))
        return f"2026-06-{self.r.rng.randint(2, 29):02d}T12:00:00Z"

    def origin(self):
        r = self.r
        if r.wrong(0.5):
            return {"state": "cn", "countries": ["CN"], "registered": False}
        if r.wrong(0.5):
            return {"state": "unsure", "countries": ["US", "CN"], "registered": r.pick(True, False)}
        if r.wrong(0.5):
            return {"state": "unknown", "countries": [], "registered": r.wrong(5)}
        country = r.pick(*(SOUTH_EAST + ["US", "HK", "BR"]))
        two = [country, *r.some(["US", "JP", "HK"])] if r.wrong() else [country]
        return {"state": "overseas", "countries": list(dict.fromkeys(two)), "registered": r.wrong(2)}
