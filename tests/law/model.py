"""The law a second time: the decision procedures of a call, written apart from the server, over plain dictionaries.

A registry here is what its YAML files hold, {"grants": [...], "routes": [...], ...}; documents are {"documents/x": bytes}.
Nothing is shared with the server but the formats (docs/registry.md, tests/law/README.md). `Model(registry, documents).judge(facts)`
gives the verdict. Times are nanoseconds since 1970 UTC."""

import datetime
import hashlib
import json
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NEVER = 2**63 - 1
DAY = 86_400 * 10**9
ALL = {a + b for a in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for b in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
WORLD = ALL - {"CN"}
ACTIONS = ["api_call", "aggregate", "resell", "white_label", "cache", "fine_tune", "device_embed"]
US_CATEGORIES = ["genomic", "omic", "biometric", "geolocation", "health", "financial", "identifiers"]

# The codes in the order in which reasons are listed, with the side that can do something about them, and what a client
# is told if it is alone. "ours" is told as no_closed_route.
ORDER = [
    ("REVERSE_IMPORT", "client", "reverse_import_refused"), ("MARKET_NOT_SERVED", "client", "market_not_served"),
    ("REVERSE_ORIGIN", "client", "reverse_origin"), ("CLIENT_RESALE_SUSPECT", "client", "account_under_review"),
    ("ORIGIN_REVIEW", "client", "account_under_review"), ("ZONE_NOT_APPROVED", "ours", "no_closed_route"),
    ("ZONE_SHARED", "ours", "no_closed_route"), ("ZONE_BACKFLOW", "ours", "no_closed_route"),
    ("ZONE_INGRESS", "client", "zone_origin"), ("ZONE_ORIGIN_CN", "client", "zone_origin"),
    ("ZONE_ORIGIN_UNSURE", "client", "zone_origin"), ("ZONE_USER_CN", "client", "zone_user"),
    ("ZONE_MARKET", "client", "zone_market"), ("ZONE_MIX_PI", "client", "zone_mixed_data"),
    ("ZONE_IMPORTANT_DATA", "client", "zone_mixed_data"), ("ZONE_ROUTE_RETURN", "client", "zone_route_return"),
    ("CHAIN_NO_ROOT", "ours", "no_closed_route"), ("CHAIN_GAP", "ours", "no_closed_route"),
    ("CHAIN_NOT_WRITTEN", "ours", "no_closed_route"), ("CHAIN_DOC_MISSING", "ours", "no_closed_route"),
    ("CHAIN_DOC_HASH", "ours", "no_closed_route"), ("CHAIN_SIGNATURE", "ours", "no_closed_route"),
    ("CHAIN_REVOKED", "ours", "no_closed_route"), ("CHAIN_NOT_YET", "ours", "no_closed_route"),
    ("CHAIN_EXPIRED", "ours", "no_closed_route"), ("CHAIN_DEPTH", "ours", "no_closed_route"),
    ("CHAIN_WIDENED", "ours", "no_closed_route"), ("CHAIN_CLIENT_LEG", "client", "no_agreement"),
    ("SCOPE_ACTION", "ours", "no_closed_route"), ("SCOPE_REGION", "client", "scope_region"),
    ("SCOPE_CLIENT_TYPE", "client", "scope_client_type"), ("SCOPE_BRAND", "ours", "no_closed_route"),
    ("SCOPE_OWNERSHIP", "client", "scope_ownership"), ("SCOPE_QUOTA", "client", "scope_quota"),
    ("SCOPE_QUALIFICATION", "ours", "no_closed_route"), ("DATA_NO_DPA", "client", "data_dpa"),
    ("DATA_DPA_VERSION", "client", "data_dpa"), ("DATA_UPSTREAM_TERMS", "ours", "data_terms_unknown"),
    ("DATA_RETENTION", "client", "data_terms"), ("DATA_TRAINING", "client", "data_terms"),
    ("DATA_SUBPROCESSOR", "client", "data_terms"), ("DATA_SUBPROCESSOR_NOTICE", "ours", "no_closed_route"),
    ("DATA_LOCATION", "client", "data_location"), ("DATA_TRANSFER", "client", "data_transfer"),
    ("DATA_CHILD", "client", "data_child"), ("DATA_US_BULK", "client", "data_us"),
    ("DATA_RECORD", "ours", "no_closed_route"), ("BILL_NO_PROCUREMENT", "ours", "no_closed_route"),
    ("BILL_PO_EXHAUSTED", "ours", "no_closed_route"), ("BILL_NO_ORDER", "client", "no_order"),
    ("BILL_LAST_PERIOD", "ours", "no_closed_route"), ("CREDENTIAL_HOLDER", "ours", "no_closed_route"),
    ("ENDPOINT_UNOFFICIAL", "ours", "no_closed_route"), ("ZONE_MIX_SOURCE", "ours", "no_closed_route"),
    ("ZONE_POOL_OUTSIDE", "ours", "no_closed_route"), ("ZONE_RETENTION", "ours", "no_closed_route"),
    ("ZONE_PURPOSE", "ours", "no_closed_route"), ("ROUTE_SUSPENDED", "ours", "no_closed_route"),
    ("MODEL_SWAP", "ours", "no_closed_route"),
]
RANK = {code: at for at, (code, _, _) in enumerate(ORDER)}
SIDE = {code: side for code, side, _ in ORDER}
TOLD = {code: told for code, _, told in ORDER}


def instant(text):
    """RFC 3339 in UTC as nanoseconds; None stays None."""
    if text is None:
        return None
    whole, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp()) * 10**9 + int((fraction + "000000000")[:9] or 0)


def starts(thing):
    return instant(thing["valid_from"]) if thing.get("valid_from") else 0


def ends(thing):
    return instant(thing["valid_until"]) if thing.get("valid_until") else NEVER


def within(thing, now):
    return starts(thing) <= now < ends(thing)


def plain_name(name):
    """What is compared of a model's name: case, vendor, tag, "-latest" and dates do not count."""
    name = name.lower().rsplit("/", 1)[-1].split(":", 1)[0]
    return re.sub(r"-(latest|\d{8}|\d{4}-\d{2}-\d{2})$", "", name)


def canonical_grant(entry, online_or_leg=False):
    """The bytes that a grant's or an agreement's signature covers."""
    out = {}
    for key, value in entry.items():
        if key in ("signature", "entered_by", "entered_at", "reviewed_by", "revoked_at") or value is None:
            continue
        if key == "doc":
            value = {"kind": value["kind"], "sha256": value["sha256"]}
        elif key == "regions":
            value = {"allow": sorted(value["allow"]), "deny": sorted(value.get("deny") or [])}
        elif key in ("models", "actions", "client_types", "exclude_owned_from", "markets"):
            if not value:
                continue
            value = sorted(value)
        elif key == "brand_terms":
            value = {**value, **({"brands": sorted(value["brands"])} if value.get("brands") else {})}
        out[key] = value
    out["revoked_at"] = None
    return json.dumps(out, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Model:
    def __init__(self, registry, documents):
        self.all = registry
        self.documents = documents
        self.parties = self.by_id("parties")
        self.models = self.by_id("models")
        self.grants = self.by_id("grants")
        self.keys = self.by_id("keys")
        self.data_terms = self.by_id("data_terms")
        self.pools = self.by_id("pools")
        self.zones = self.by_id("zones")
        self.credentials = self.by_id("credentials")
        self.procurements = self.by_id("procurements")
        self.groups = self.by_id("regions")
        self.signature_cache = {}

    def rows(self, kind):
        return self.all.get(kind) or []

    def by_id(self, kind):
        return {row["id"]: row for row in self.rows(kind)}

    # ---- what is derived ------------------------------------------------------------------

    def countries(self, names):
        out = set()
        for name in names or []:
            if name == "WORLD":
                out |= WORLD
            elif name.startswith("group:"):
                out |= self.countries(self.groups[name[6:]]["members"])
            else:
                out.add(name)
        return out

    def regions(self, regions):
        if regions is None:
            return set(WORLD)
        return self.countries(regions["allow"]) - self.countries(regions.get("deny"))

    def controlled_from(self, party, seen=()):
        """The country whose holders have over half, a party that holds counting for who controls it."""
        if party["id"] in seen:
            return None
        sums = {}
        for share in party.get("owners") or []:
            if share.get("party"):
                holder = self.parties[share["party"]]
                country = self.controlled_from(holder, (*seen, party["id"])) or holder["jurisdiction"]
            else:
                country = share["jurisdiction"]
            sums[country] = sums.get(country, 0) + share["percent"]
        return next((country for country, percent in sums.items() if percent > 50), None)

    def document_state(self, doc):
        if not doc:
            return "none"
        content = self.documents.get(doc["file"])
        if content is None:
            return "missing"
        return "fine" if hashlib.sha256(content).hexdigest() == doc["sha256"] else "changed"

    def signature_fine(self, entry):
        if id(entry) not in self.signature_cache:
            self.signature_cache[id(entry)] = self.check_signature(entry)
        return self.signature_cache[id(entry)]

    def check_signature(self, entry):
        signature = entry.get("signature")
        if not signature or signature["alg"] != "ed25519":
            return False
        text = canonical_grant(entry)
        pairs = [(signature["key_id"], signature["sig"], entry["grantor"])]
        if signature.get("countersig_key_id"):
            pairs.append((signature["countersig_key_id"], signature["countersig"], entry["grantee"]))
        entered = instant(entry["entered_at"])
        for key_id, sig, party in pairs:
            key = self.keys.get(key_id)
            revoked = instant(key.get("revoked_at")) if key else None
            if key is None or key["party"] != party or not within(key, entered):
                return False
            if revoked is not None and revoked <= entered:
                return False
            try:
                Ed25519PublicKey.from_public_bytes(bytes.fromhex(key["public_key"])).verify(bytes.fromhex(sig), text)
            except InvalidSignature:
                return False
        return True

    def names(self, grant, model):
        return model["id"] in grant["models"] or f"family:{model.get('family')}" in grant["models"]

    def models_of(self, grant):
        return {m["id"] for m in self.models.values() if self.names(grant, m)}

    # ---- 2.1 authorization ------------------------------------------------------------------

    def path_of(self, grant):
        """From the root down; None where a parent is missing or goes round in a circle."""
        path = [grant]
        while path[0]["parent"] not in ("root", "licence"):
            parent = self.grants.get(path[0]["parent"])
            if parent is None or any(parent is edge for edge in path):
                return path, False
            path.insert(0, parent)
        return path, True

    def paths(self, model, seller, route):
        """Those by which the seller may have the model from the route's upstream party."""
        computes = self.parties[route["upstream_party"]]["kind"] == "compute_center"
        named = self.credentials[route["credential"]].get("grant")
        for grant in sorted(self.grants.values(), key=lambda g: g["id"]):
            if grant["grantee"] != seller or not self.names(grant, model):
                continue
            if named is not None and grant["id"] != named:
                continue
            if named is None and not computes and grant["grantor"] != route["upstream_party"]:
                continue
            yield self.path_of(grant)

    def licensed(self, grant, model):
        licence = model.get("licence") or {}
        return (model.get("weights") == "open" and licence.get("commercial") is True and grant["doc"]["kind"] == "licence")

    def path_reason(self, path, whole, model, now):
        """The first check that fails, by the check's number and then from the root; None: the path holds."""
        root = path[0]
        if root["parent"] == "root":
            if root["grantor"] != model["vendor"]:
                return "CHAIN_NO_ROOT", root["id"]
        elif root["parent"] == "licence":
            if root["grantor"] != model["vendor"] or not self.licensed(root, model):
                return "CHAIN_NO_ROOT", root["id"]
        if not whole:
            return "CHAIN_GAP", root["id"]
        for above, below in zip(path, path[1:]):
            if above["grantee"] != below["grantor"]:
                return "CHAIN_GAP", below["id"]
        for edge in path:
            licence = edge["parent"] == "licence"
            if not licence and (edge["evidence_class"] != "written_signed" or edge["doc"]["kind"] == "click_through"):
                return "CHAIN_NOT_WRITTEN", edge["id"]
        for edge in path:
            state = self.document_state(edge.get("doc"))
            if state != "fine":
                return {"changed": "CHAIN_DOC_HASH"}.get(state, "CHAIN_DOC_MISSING"), edge["id"]
        for edge in path:
            if edge["parent"] != "licence" and not self.signature_fine(edge):
                return "CHAIN_SIGNATURE", edge["id"]
        for edge in path:
            if self.revoked(edge, now):
                return "CHAIN_REVOKED", edge["id"]
        for edge in path:
            if now < starts(edge):
                return "CHAIN_NOT_YET", edge["id"]
            if now >= ends(edge):
                return "CHAIN_EXPIRED", edge["id"]
        for at, edge in enumerate(path):
            if len(path) - 1 - at > edge["sublicense_depth"]:
                return "CHAIN_DEPTH", edge["id"]
            if at > 0 and edge["sublicense_depth"] > path[at - 1]["sublicense_depth"] - 1:
                return "CHAIN_DEPTH", edge["id"]
        for above, below in zip(path, path[1:]):
            wide = (not self.models_of(below) <= self.models_of(above)
                    or not set(below["actions"]) <= set(above["actions"])
                    or not self.regions(below["regions"]) <= self.regions(above["regions"])
                    or not set(below["client_types"]) <= set(above["client_types"])
                    or starts(below) < starts(above) or ends(below) > ends(above))
            if wide:
                return "CHAIN_WIDENED", below["id"]
        return None

    def revoked(self, thing, now):
        at = instant(thing.get("revoked_at"))
        runoff = instant(thing.get("runoff_until"))
        return at is not None and at <= now and (runoff is None or runoff <= now)

    def agreement_of(self, facts, seller, now):
        """The last leg in force, the one that lasts longest; None: there is none."""
        fine = []
        for leg in self.rows("agreements"):
            if leg["grantor"] != seller or not within(leg, now) or self.revoked(leg, now):
                continue
            if leg.get("online"):
                online = facts.get("online") or {}
                accepted = instant(online.get("accepted_at"))
                if (facts.get("client") or online.get("agreement") != leg["id"] or accepted is None or accepted > now
                        or online.get("sha256") != leg["doc"]["sha256"]
                        or not starts(leg) <= accepted < ends(leg)
                        or self.document_state(leg.get("doc")) != "fine"):
                    continue
            elif (leg.get("grantee") is None or leg["grantee"] != facts.get("client")
                  or leg["evidence_class"] != "written_signed" or leg["doc"]["kind"] == "click_through"
                  or self.document_state(leg.get("doc")) != "fine" or not self.signature_fine(leg)):
                continue
            fine.append(leg)
        return min(fine, key=lambda leg: (-ends(leg), leg["id"]), default=None)

    # ---- one call -------------------------------------------------------------------------------

    def judge(self, facts):
        judged = Judgement(self, facts)
        return judged.verdict()


class Judgement:
    def __init__(self, model, facts):
        self.law = model
        self.facts = facts
        self.now = instant(facts["now"])
        self.product = model.by_id("products")[facts["product"]]
        self.model = model.models[facts["model"]]
        self.seller = self.product["seller"]
        self.client = model.parties.get(facts.get("client"))
        self.online = None if self.client else facts.get("online")
        self.agreement = model.agreement_of(facts, self.seller, self.now)
        self.zone = model.zones.get(self.product.get("zone"))
        self.reasons = []

    def add(self, code, route=None, **more):
        self.reasons.append({"code": code, "route": route["id"] if route else None, **more})

    # ---- facts about the client -------------------------------------------------------------

    def kyc(self):
        if self.client:
            return self.client["jurisdiction"]
        return (self.online or {}).get("country")

    def billing(self):
        if self.client:
            return self.client.get("billing_country")
        return (self.online or {}).get("billing_country")

    def end_users(self):
        return (self.client or {}).get("end_users") or []

    def client_type(self):
        return (self.client or self.online or {}).get("client_type")

    def markets(self):
        """Where this call is for."""
        if self.facts.get("market"):
            return [self.facts["market"]]
        if self.agreement and self.agreement.get("markets"):
            return list(self.agreement["markets"])
        if self.online and self.online.get("country"):
            return [self.online["country"]]
        return []

    def domestic(self):
        instrument = (self.client or {}).get("billing_instrument") or {}
        return (self.kyc() == "CN"
                or "CN" in self.law.countries((self.client or {}).get("markets_declared"))
                or "CN" in ((self.agreement or {}).get("markets") or [])
                or (instrument.get("country") == "CN" and instrument.get("kind") in ("consumer_card", "wallet"))
                or "CN" in self.end_users())

    def qualified(self, party, kind, country, model=None):
        for row in self.law.parties[party].get("qualifications") or []:
            if (row["type"] == kind and within(row, self.now) and country in self.law.countries(row["region"])
                    and (row.get("model") is None or model is None or row["model"] == model["id"])):
                return True
        return False

    # ---- 3.2 and 3.1, before any route -----------------------------------------------------------

    def reverse_rules(self):
        foreign = self.model["origin"] != "CN"
        origin = self.facts["origin"]
        if self.domestic() and foreign and not self.qualified(self.seller, "genai_filing", "CN", self.model):
            self.add("REVERSE_IMPORT")
        if self.domestic() and "CN" not in self.law.regions(self.product.get("markets")):
            self.add("MARKET_NOT_SERVED")
        if foreign and (origin["state"] == "cn" or (origin["state"] == "unsure" and not origin.get("registered"))):
            self.add("REVERSE_ORIGIN")
        review = {"resale": "CLIENT_RESALE_SUSPECT", "origin": "ORIGIN_REVIEW"}.get(self.facts.get("review"))
        if review:
            self.add(review)

    def zone_rules(self):
        zone, origin, content = self.zone, self.facts["origin"], self.facts.get("content") or {}
        approval = zone["approval"]
        if (not within(approval, self.now) or self.law.document_state(approval["doc"]) != "fine"
                or not {self.seller, zone["operator"]} & set(approval["operators"])):
            self.add("ZONE_NOT_APPROVED")
        for item in ("network", "compute", "storage", "keys", "admin", "logs", "cache"):
            if zone["separation"][item] == "shared":
                self.add("ZONE_SHARED", what=item)
        for reader in zone.get("output_readers") or []:
            party = self.law.parties[reader]
            if "CN" in (party["jurisdiction"], self.law.controlled_from(party)):
                self.add("ZONE_BACKFLOW", object=reader)
        if self.facts.get("ingress") not in zone["ingress_links"]:
            self.add("ZONE_INGRESS")
        if origin["state"] == "cn":
            self.add("ZONE_ORIGIN_CN")
        if "CN" in self.markets():
            self.add("ZONE_ORIGIN_CN", what="market")
        if origin["state"] in ("unsure", "unknown") and not origin.get("registered"):
            self.add("ZONE_ORIGIN_UNSURE")
        if self.kyc() == "CN" or "CN" in self.end_users():
            self.add("ZONE_USER_CN")
        for market in self.markets():
            if market not in self.law.countries(zone["allowed_markets"]):
                self.add("ZONE_MARKET", country=market)
        if not content.get("scanned"):
            self.add("ZONE_MIX_PI", what="unscanned")
        elif content.get("strong") and self.product.get("content_policy", "refuse_strong") == "refuse_strong":
            self.add("ZONE_MIX_PI", object=content["strong"])
        if content.get("marker"):
            self.add("ZONE_IMPORTANT_DATA", object=content["marker"])
        if self.facts.get("has_callback"):
            self.add("ZONE_ROUTE_RETURN")

    # ---- each route ------------------------------------------------------------------------------

    def route_itself(self, route):
        credential = self.law.credentials[route["credential"]]
        if credential["account_holder"] != self.seller:
            self.add("CREDENTIAL_HOLDER", route)
        host = re.sub(r":\d+$", "", re.match(r"https?://([^/]+)", route["endpoint"]).group(1)).lower()
        hosts = [h.lower() for h in self.law.parties[route["upstream_party"]].get("official_hosts") or []]
        if not any(host == h or (h.startswith("*.") and host.endswith(h[1:])) for h in hosts):
            self.add("ENDPOINT_UNOFFICIAL", route)
        if route.get("state") == "suspended":
            self.add("ROUTE_SUSPENDED", route)
        if route["id"] in (self.facts.get("quarantined") or []):
            self.add("MODEL_SWAP", route)

    def chain(self, route):
        """The path that scope is judged on ([]: the vendor itself sells), or None."""
        vendor = self.model["vendor"]
        path, closed = None, False
        if self.seller == vendor:
            path, closed = [], True
        else:
            judged = [(path, self.law.path_reason(path, whole, self.model, self.now))
                      for path, whole in self.law.paths(self.model, self.seller, route)]
            order = lambda path: (len(path), -min(ends(edge) for edge in path), path[-1]["id"])
            fine = [path for path, reason in judged if reason is None]
            if fine:
                path, closed = min(fine, key=order), True
            elif judged:
                for _, (code, edge) in judged:
                    self.add(code, route, object=edge)
                path = min((path for path, _ in judged), key=order)
            else:
                rooted = any(g["grantor"] == vendor and self.law.names(g, self.model) for g in self.law.grants.values())
                self.add("CHAIN_GAP" if rooted else "CHAIN_NO_ROOT", route)
        if self.agreement is None:
            self.add("CHAIN_CLIENT_LEG", route)
            closed = False
        return path, closed

    def needs(self):
        need = {"api_call"}
        vendors = {self.law.models[m]["vendor"] for m in self.product["models"]}
        if len(vendors) >= 2:
            need.add("aggregate")
        if self.seller != self.model["vendor"]:
            need.add("resell")
        if self.product.get("names_vendor") is False or self.aliased():
            need.add("white_label")
        if self.product.get("device"):
            need.add("device_embed")
        if self.product.get("caches"):
            need.add("cache")
        return need

    def aliased(self):
        return any(alias["model"] == self.model["id"] for alias in self.product.get("aliases") or [])

    def scope(self, route, path):
        law, agreement, need = self.law, self.agreement, self.needs()
        for action in ACTIONS:
            if action in need and path and not all(action in edge["actions"] for edge in path):
                self.add("SCOPE_ACTION", route, what=action)
        if agreement:
            for action in ("api_call", "device_embed"):
                if action in need and action not in agreement["actions"]:
                    self.add("SCOPE_ACTION", route, what=action, object=agreement["id"])
        allowed = set(ALL)
        for edge in path:
            allowed &= law.regions(edge["regions"])
        if agreement:
            allowed &= law.regions(agreement["regions"])
        origin = self.facts["origin"]
        checks = []
        market = self.facts.get("market")
        if market and agreement and agreement.get("markets") and market not in agreement["markets"]:
            checks.append(("market", None, market))
        checks += [("contract", country, country) for country in self.markets()]
        checks += [("kyc", self.kyc(), self.kyc()), ("billing", self.billing(), self.billing())]
        checks += [("end_user", country, country) for country in ([market] if market else self.end_users())]
        if origin["state"] == "unknown":
            checks.append(("origin", None, None))
        checks += [("origin", country, country) for country in origin.get("countries") or []]
        for what, country, shown in checks:
            if country is None or country not in allowed:
                self.add("SCOPE_REGION", route, what=what, country=shown)
        types = [set(edge["client_types"]) for edge in path] + ([set(agreement["client_types"])] if agreement else [])
        wanted = [self.client_type()] + (["child_directed"] if agreement and agreement.get("child_directed") else [])
        for kind in wanted:
            if kind is None or not all(kind in allowed_types for allowed_types in types):
                self.add("SCOPE_CLIENT_TYPE", route, what=kind or "unknown")
        brand = [edge.get("brand_terms") or {} for edge in path]
        hidden = self.product.get("names_vendor") is False and any(b.get("must_name_vendor") for b in brand)
        renamed = self.aliased() and path and not (all(b.get("may_rename") for b in brand)
                                                   and self.product["brand"] in (brand[-1].get("brands") or []))
        if hidden or renamed:
            self.add("SCOPE_BRAND", route)
        owners = [law.controlled_from(party) for party in (self.client, law.parties[self.seller]) if party]
        for edge in path:
            excluded = law.countries(edge.get("exclude_owned_from"))
            if any(owner in excluded for owner in owners if owner):
                self.add("SCOPE_OWNERSHIP", route, object=edge["id"])
        used = (self.facts.get("counters") or {}).get("grant_tokens") or {}
        for edge in path:
            quota = edge.get("quota") or {}
            if quota.get("tokens") and used.get(edge["id"], 0) >= quota["tokens"]:
                self.add("SCOPE_QUOTA", route, object=edge["id"])
        for row in law.rows("requirements"):
            if not within(row, self.now):
                continue
            for market in self.markets():
                if market in law.countries(row["markets"]) and not self.qualified(self.seller, row["qualification"], market):
                    self.add("SCOPE_QUALIFICATION", route, object=row["id"], country=market)

    def dpa_fine(self, terms):
        dpa = (terms or {}).get("dpa")
        return bool(dpa and dpa.get("version") and dpa.get("signed") and within(dpa, self.now)
                    and self.law.document_state(dpa.get("doc")) == "fine")

    def data(self, route):
        law = self.law
        mine = law.data_terms.get((self.agreement or {}).get("data_terms"))
        theirs = law.data_terms.get(route.get("data_terms"))
        if not self.dpa_fine(mine):
            self.add("DATA_NO_DPA", route)
        else:
            current = self.product.get("dpa")
            if current and mine["dpa"]["version"] != current["version"]:
                grace = instant(current.get("grace_until")) or 0
                if not (mine["dpa"]["version"] == current.get("previous") and self.now < grace):
                    self.add("DATA_DPA_VERSION", route)
        mine = mine or {}
        if not self.dpa_fine(theirs):
            self.add("DATA_UPSTREAM_TERMS", route)
        else:
            kept, most = theirs.get("retention_days"), mine.get("retention_days")
            if kept is None or most is None or kept > most:
                self.add("DATA_RETENTION", route)
            training = theirs.get("training") or "unknown"
            agreed = mine.get("training") in ("opt_in", "yes")
            if not (training == "no" or (training in ("opt_in", "yes") and agreed)):
                self.add("DATA_TRAINING", route)
        self.subprocessors(route, theirs or {})
        place = route["place"].split("/")[0]
        if place not in law.countries(mine.get("locations")):
            self.add("DATA_LOCATION", route, country=place)
        for market in dict.fromkeys(self.markets()):
            if market != place:
                self.transfer(route, market, place, mine, theirs or {})
        if self.agreement and self.agreement.get("child_directed"):
            self.child(route, theirs or {})
        self.us_bulk(route, place, mine)
        record = mine.get("record") or {}
        for field in ("controller", "contact", "categories", "transfers", "security"):
            if not record.get(field):
                self.add("DATA_RECORD", route, what=field)
                break

    def subprocessors(self, route, theirs):
        law = self.law
        touch = [route["upstream_party"]]
        pool = law.pools.get(route.get("pool"))
        if pool:
            touch.append(pool["operator"])
            if pool.get("zone"):
                touch.append(law.zones[pool["zone"]]["operator"])
        touch += theirs.get("third_parties") or []
        lists = [row for row in law.rows("subprocessors") if instant(row["published_at"]) <= self.now]
        now = [row for row in lists if instant(row["effective_at"]) <= self.now]
        force = max(now, key=lambda row: (instant(row["effective_at"]), row["version"]), default=None)
        listed = {entry["party"] for entry in (force or {}).get("entries") or []}
        objected = {o["party"] for o in (force or {}).get("objections") or [] if o["client"] == self.facts.get("client")
                    and instant(o["at"]) <= self.now}
        coming = {entry["party"] for row in lists if row not in now for entry in row["entries"]}
        for party in dict.fromkeys(touch):
            if party == self.seller:
                continue
            if party in listed and party not in objected:
                continue
            if party in coming and party not in listed:
                self.add("DATA_SUBPROCESSOR_NOTICE", route, object=party)
            else:
                self.add("DATA_SUBPROCESSOR", route, object=party)

    def transfer(self, route, market, place, mine, theirs):
        law = self.law
        lanes = [row for row in law.rows("lanes") if within(row, self.now)
                 and market in law.countries(row["from"]) and place in law.countries(row["to"])]
        accepted = {mechanism for row in lanes for mechanism in row.get("mechanisms") or []}
        if "none" in accepted:
            return
        for basis in (mine.get("transfer_basis") or []) + (theirs.get("transfer_basis") or []):
            if (basis["from"] == market and basis["to"] == place and basis["mechanism"] in accepted
                    and within(basis, self.now) and law.document_state(basis.get("doc")) == "fine"):
                return
        self.add("DATA_TRANSFER", route, country=market, to=place)

    def child(self, route, theirs):
        tests = [("consent", bool(self.facts.get("consent_ref"))), ("children", bool(theirs.get("children_allowed"))),
                 ("retention", theirs.get("retention_days") == 0), ("training", theirs.get("training") == "no"),
                 ("human_review", theirs.get("human_review") in ("no", "abuse_only"))]
        for what, holds in tests:
            if not holds:
                self.add("DATA_CHILD", route, what=what)

    def us_bulk(self, route, place, mine):
        people = [*self.markets(), self.kyc(), self.billing(), *self.end_users()]
        if place not in ("CN", "HK", "MO") or "US" not in people:
            return
        if not mine.get("us_declared"):
            self.add("DATA_US_BULK", route, what="declaration")
            return
        counted = (self.facts.get("counters") or {}).get("us_bulk") or {}
        for category in US_CATEGORIES:
            if category not in (mine.get("us_categories") or []):
                continue
            limits = [row["value"] for row in self.law.rows("thresholds")
                      if row["name"] == f"us_bulk.{category}" and within(row, self.now)]
            if not limits or counted.get(category, 0) >= min(limits):
                self.add("DATA_US_BULK", route, what=category)

    def bill(self, route):
        law = self.law
        credential = law.credentials[route["credential"]]
        procurement = law.procurements.get(credential.get("procurement"))
        pool = law.pools.get(route.get("pool"))
        own = route["upstream_party"] == self.seller or (pool is not None and pool["operator"] == self.seller)
        if not own:
            if (procurement is None or not within(procurement, self.now)
                    or procurement["upstream_party"] != route["upstream_party"] or procurement["buyer"] != self.seller):
                self.add("BILL_NO_PROCUREMENT", route)
            elif procurement.get("purchase_orders"):
                bought = sum(o["tokens"] for o in procurement["purchase_orders"] if within(o, self.now))
                used = ((self.facts.get("counters") or {}).get("order_tokens") or {}).get(procurement["id"], 0)
                if bought <= used:
                    self.add("BILL_PO_EXHAUSTED", route, object=procurement["id"])
        if not self.facts.get("has_order"):
            self.add("BILL_NO_ORDER", route)
        closed = False
        for row in law.rows("billing"):
            if row["party"] not in (route["upstream_party"], self.facts.get("client")):
                continue
            closed = closed or row["state"] == "closed"
            since, due = instant(row.get("open_since")), instant(row.get("unpaid_due"))
            late = row["state"] == "open" and (since is None or self.now - since > 15 * DAY)
            if late or (due is not None and self.now - due > 30 * DAY):
                self.add("BILL_LAST_PERIOD", route, object=row["party"])
        return closed

    def zone_route(self, route):
        law = self.law
        pool = law.pools.get(route.get("pool"))
        where = (pool or {}).get("zone")
        if not self.zone:
            if where:
                self.add("ZONE_POOL_OUTSIDE", route)
            return
        for attached in route.get("attachments") or []:
            if attached.get("tag", "unknown") != "overseas":
                self.add("ZONE_MIX_SOURCE", route, object=attached["id"])
        if where != self.product["zone"]:
            self.add("ZONE_POOL_OUTSIDE", route)
        theirs = law.data_terms.get(route.get("data_terms")) or {}
        kept = theirs.get("retention_days")
        if kept is None or kept * 86400 > self.zone["retention_max_s"]:
            self.add("ZONE_RETENTION", route)
        if theirs.get("training") != "no" or theirs.get("analytics"):
            self.add("ZONE_PURPOSE", route)

    # ---- the verdict -----------------------------------------------------------------------------

    def verdict(self):
        routes = sorted((r for r in self.law.rows("routes") if r["model"] == self.model["id"]), key=lambda r: r["id"])
        self.reverse_rules()
        if not self.reasons and self.zone:
            self.zone_rules()
        if self.reasons:
            self.reasons.sort(key=lambda reason: RANK[reason["code"]])
            return self.result(False, [], TOLD[self.reasons[0]["code"]] if SIDE[self.reasons[0]["code"]] == "client"
                               else "no_closed_route")
        fine = []
        for route in routes:
            before = len(self.reasons)
            path, _ = self.chain(route)
            if path is not None:
                self.scope(route, path)
            self.data(route)
            self.bill(route)
            self.route_itself(route)
            self.zone_route(route)
            own = sorted(self.reasons[before:], key=lambda reason: RANK[reason["code"]])
            self.reasons[before:] = own
            if not own:
                fine.append(route["id"])
        return self.result(bool(fine), fine, None if fine else self.told(routes))

    def told(self, routes):
        of = [[r["code"] for r in self.reasons if r["route"] == route["id"]] for route in routes]
        if not of:
            return "no_closed_route"
        if all(code == "DATA_UPSTREAM_TERMS" for codes in of for code in codes):
            return "data_terms_unknown"
        if not all(any(SIDE[code] == "client" for code in codes) for codes in of):
            return "no_closed_route"
        common = [code for code, side, _ in ORDER if side == "client" and all(code in codes for codes in of)]
        first = common[0] if common else next(code for code in of[0] if SIDE[code] == "client")
        return TOLD[first]

    def result(self, allow, routes, told):
        return {"allow": allow, "routes": routes, "told": told, "reasons": self.reasons}
