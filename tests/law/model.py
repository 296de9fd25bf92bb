"""The law a second time: the decision procedures of a call, written apart from the server, over plain dictionaries.

A registry here is what its YAML files hold, {"grants": [...], "routes": [...], ...}; documents are {"documents/x": bytes}.
Nothing is shared with the server but the formats (docs/registry.md, tests/law/README.md). `Model(registry, documents).judge(facts)`
gives the verdict. Times are nanoseconds since 1970 UTC."""

import datetime
import functools
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
CLOSURES = ["authorization", "scope", "data", "billing"]
REASONS_MAX = 256  # the judge's POLICY_REASONS_MAX
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


@functools.lru_cache(maxsize=65536)
def instant(text):
    """RFC 3339 in UTC as nanoseconds; None stays None."""
    if text is None:
        return None
    whole, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp()) * 10**9 + int((fraction + "000000000")[:9] or 0)


@functools.lru_cache(maxsize=65536)
def written(at):
    """The shortest form of an instant; None: it never comes."""
    if at >= NEVER:
        return None
    whole = datetime.datetime.fromtimestamp(at // 10**9, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{at % 10**9:09d}".rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


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


def canonical_grant(entry):
    """The bytes that a grant's or an agreement's signature covers: sets in byte order, what is not said left out, but for
    flags and revoked_at: a revocation is entered later, and can only take away."""
    out = {"revoked_at": None}
    for key, value in entry.items():
        if key in ("signature", "entered_by", "entered_at", "reviewed_by", "revoked_at") or value is None:
            continue
        if key == "doc":
            value = {"kind": value["kind"], "sha256": value["sha256"]}
        elif key == "regions":
            value = {name: sorted(value[name]) for name in ("allow", "deny") if value.get(name)}
        elif isinstance(value, list):
            value = sorted(value)
        elif key == "notice_days" and value == 0:
            continue
        if value != []:
            out[key] = value
    if "parent" in entry:
        terms = entry.get("brand_terms") or {}
        out["brand_terms"] = {"may_rename": terms.get("may_rename", False),
                              "must_name_vendor": terms.get("must_name_vendor", False)}
        if terms.get("brands"):
            out["brand_terms"]["brands"] = sorted(terms["brands"])
    else:
        out["child_directed"] = entry.get("child_directed", False)
        out["online"] = entry.get("online", False)
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
        self.products = self.by_id("products")
        self.signature_cache = {}
        self.document_cache = {}
        self.countries_cache = {}
        self.routes = {m: sorted((r for r in self.rows("routes") if r["model"] == m), key=lambda r: r["id"])
                       for m in self.models}
        self.lanes = sorted(self.rows("lanes"), key=lambda row: row["id"])
        self.requirements = sorted(self.rows("requirements"), key=lambda row: row["id"])
        self.billing = sorted(self.rows("billing"), key=lambda row: row["id"])
        self.paths = functools.cache(self.find_paths)
        self.reached = functools.cache(self.find_reached)
        self.standing = functools.cache(self.find_standing)
        self.edges = self.find_edges()

    def rows(self, kind):
        return self.all.get(kind) or []

    def by_id(self, kind):
        return {row["id"]: row for row in self.rows(kind)}

    # ---- what is derived ------------------------------------------------------------------

    def countries(self, names):
        """Of a list of codes, WORLD and groups; each list of the registry is worked out once."""
        key = tuple(names or ())
        if key not in self.countries_cache:
            self.countries_cache[key] = self.find_countries(key)
        return self.countries_cache[key]

    def find_countries(self, names):
        out = set()
        for name in names:
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
        """The country that over half counts for: a party that holds, for who controls it; what nobody is listed for, for the
        party's own."""
        if party["id"] in seen:
            return None
        listed = sum(share["percent"] for share in party.get("owners") or [])
        sums = {party["jurisdiction"]: 100 - listed}
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
        if doc["file"] not in self.document_cache:
            content = self.documents.get(doc["file"])
            self.document_cache[doc["file"]] = None if content is None else hashlib.sha256(content).hexdigest()
        digest = self.document_cache[doc["file"]]
        if digest is None:
            return "missing"
        return "fine" if digest == doc["sha256"] else "changed"

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
        """From the root down, and what is wrong with its parents: None, "circle" (the grant alone) or "missing"."""
        path = [grant]
        while path[0]["parent"] not in ("root", "licence"):
            parent = self.grants.get(path[0]["parent"])
            if parent is None:
                return path, "missing"
            if any(parent is edge for edge in path):
                return [grant], "circle"
            path.insert(0, parent)
        return path, None

    def find_paths(self, model, seller, upstream, named):
        """Those by which the seller may have the model from an upstream party, by the one grant that its credential names if
        it does; the first the best."""
        model = self.models[model]
        computes = self.parties[upstream]["kind"] == "compute_center"
        found = []
        for grant in self.grants.values():
            if grant["grantee"] != seller or not self.names(grant, model):
                continue
            if named is not None and grant["id"] != named:
                continue
            if not computes and grant["grantor"] != upstream:
                continue
            found.append(self.path_of(grant))
        return sorted(found, key=lambda f: (len(f[0]), -min(ends(edge) for edge in f[0]), f[0][-1]["id"]))

    def licensed(self, grant, model):
        licence = model.get("licence") or {}
        return model.get("weights") == "open" and licence.get("commercial") is True and grant["doc"]["kind"] == "licence"

    def covers(self, outer, inner):
        """Models, each within the same or its family."""
        family = {m["id"]: f"family:{m['family']}" for m in self.models.values() if m.get("family")}
        return all(name in outer["models"] or family.get(name) in outer["models"] for name in inner["models"])

    def widened(self, above, below):
        regions, wide = below["regions"], above["regions"]
        if not self.covers(above, below):
            return "models"
        if not set(below["actions"]) <= set(above["actions"]):
            return "actions"
        if (not self.countries(regions["allow"]) <= self.countries(wide["allow"])
                or not self.countries(regions.get("deny")) >= self.countries(wide.get("deny"))):
            return "regions"
        if not set(below["client_types"]) <= set(above["client_types"]):
            return "client_types"
        if starts(below) < starts(above) or ends(below) > ends(above):
            return "window"
        return None

    def path_reason(self, path, broken, model, now):
        """The first check that fails, by the check's number and then from the root; None: the path holds. Checks 6 and 7 are
        asked of each call, the others do not change."""
        early, late = self.standing(tuple(edge["id"] for edge in path), broken, model["id"])
        return early or self.path_reason_now(path, now) or late

    def find_standing(self, ids, broken, model):
        path = [self.grants[name] for name in ids]
        return self.path_reason_early(path, broken, self.models[model]), self.path_reason_late(path)

    def path_reason_early(self, path, broken, model):
        root, last = path[0], path[-1]
        if broken == "circle":
            return {"code": "CHAIN_NO_ROOT", "object": last["id"]}
        if root["parent"] in ("root", "licence"):
            if root["grantor"] != model["vendor"] or (root["parent"] == "licence" and not self.licensed(root, model)):
                return {"code": "CHAIN_NO_ROOT", "object": root["id"]}
        if broken == "missing":
            return {"code": "CHAIN_GAP", "object": root["id"]}
        for above, below in zip(path, path[1:]):
            if above["grantee"] != below["grantor"]:
                return {"code": "CHAIN_GAP", "object": below["id"]}
        for edge in path:
            written = edge["parent"] == "licence" or edge["evidence_class"] == "written_signed"
            if not written or edge["doc"]["kind"] == "click_through":
                return {"code": "CHAIN_NOT_WRITTEN", "object": edge["id"]}
        for edge in path:
            state = self.document_state(edge.get("doc"))
            if state != "fine":
                return {"code": "CHAIN_DOC_HASH" if state == "changed" else "CHAIN_DOC_MISSING", "object": edge["id"]}
        for edge in path:
            if not self.edge_signed(edge):
                return {"code": "CHAIN_SIGNATURE", "object": edge["id"]}
        return None

    def path_reason_now(self, path, now):
        for edge in path:
            effect = self.revocation(edge)
            if effect <= now:
                return {"code": "CHAIN_REVOKED", "object": edge["id"], "number": (now - effect) // 10**9}
        for edge in path:
            if now < starts(edge):
                return {"code": "CHAIN_NOT_YET", "object": edge["id"], "number": (starts(edge) - now) // 10**9}
            if now >= ends(edge):
                return {"code": "CHAIN_EXPIRED", "object": edge["id"], "number": (now - ends(edge)) // 10**9}
        return None

    def path_reason_late(self, path):
        for above, below in zip(path, path[1:]):
            if below["sublicense_depth"] >= above["sublicense_depth"]:
                return {"code": "CHAIN_DEPTH", "object": below["id"], "number": above["sublicense_depth"]}
        for above, below in zip(path, path[1:]):
            field = self.widened(above, below)
            if field:
                return {"code": "CHAIN_WIDENED", "what": field, "object": below["id"]}
        return None

    def edge_signed(self, edge):
        """A licence's grantor signs nothing: there the document is the licence of each model, each by its id, that is granted."""
        if edge["parent"] != "licence":
            return self.signature_fine(edge)
        granted = [self.models.get(name) or {} for name in edge["models"]]
        return edge["doc"]["kind"] == "licence" and all(
            ((model.get("licence") or {}).get("doc") or {}).get("sha256") == edge["doc"]["sha256"] for model in granted)

    def revocation(self, thing):
        """When it takes effect."""
        at, runoff = instant(thing.get("revoked_at")), instant(thing.get("runoff_until"))
        return NEVER if at is None else max(at, runoff or 0)

    def find_reached(self, model):
        """Parties that some chain brings the model to."""
        model = self.models[model]
        return {g["grantee"] for g in self.grants.values() if self.names(g, model) and self.path_of(g)[1] is None}

    def agreement_of(self, facts, seller, now):
        """(the leg in force that lasts longest, or None; and then why there is none)."""
        fine, failed = [], []
        online = facts.get("online") or {}
        for leg in self.rows("agreements"):
            accepts = leg.get("online") and online.get("agreement") == leg["id"]
            signs = not leg.get("online") and leg.get("grantee") and leg["grantee"] == facts.get("client")
            if leg["grantor"] != seller or not (accepts or signs):
                continue
            reason = self.leg_reason(leg, online, now)
            (failed if reason else fine).append((leg, reason))
        order = lambda pair: (-ends(pair[0]), pair[0]["id"])
        if fine:
            return min(fine, key=order)[0], None
        if not failed:
            known = facts.get("client") or online.get("country")
            return None, {"what": "none" if known else "unknown"}
        leg, reason = min(failed, key=order)
        return None, {**reason, "object": leg["id"]}

    def leg_reason(self, leg, online, now):
        clicked = (leg.get("doc") or {}).get("kind") == "click_through"
        if not leg.get("online") and (leg["evidence_class"] != "written_signed" or clicked):
            return {"what": "not_written"}
        if self.document_state(leg.get("doc")) != "fine":
            return {"what": "document"}
        if not leg.get("online") and not self.signature_fine(leg):
            return {"what": "signature"}
        if leg.get("online"):
            accepted = instant(online.get("accepted_at"))
            if online.get("sha256") != leg["doc"]["sha256"]:
                return {"what": "text"}
            if accepted is None or accepted > now or not starts(leg) <= accepted < ends(leg):
                return {"what": "accepted"}
        effect = self.revocation(leg)
        if effect <= now:
            return {"what": "revoked", "number": (now - effect) // 10**9}
        if now < starts(leg):
            return {"what": "not_yet", "number": (starts(leg) - now) // 10**9}
        if now >= ends(leg):
            return {"what": "expired", "number": (now - ends(leg)) // 10**9}
        return None

    # ---- one call -------------------------------------------------------------------------------

    def judge(self, facts):
        return Judgement(self, facts).verdict()

    def may_list(self, facts):
        return Judgement(self, facts).may_list()

    # ---- time -------------------------------------------------------------------------------------

    def find_edges(self):
        """The instants at which a verdict may change though nothing is entered."""
        out = set()

        def window(*things):
            for thing in things:
                out.update((starts(thing), ends(thing)))

        for leg in [*self.rows("grants"), *self.rows("agreements")]:
            window(leg)
            out.add(self.revocation(leg))
        for party in self.rows("parties"):
            window(*(party.get("qualifications") or []))
        for terms in self.rows("data_terms"):
            window(*([terms["dpa"]] if terms.get("dpa") else []), *(terms.get("transfer_basis") or []))
        for procurement in self.rows("procurements"):
            window(procurement, *(procurement.get("purchase_orders") or []))
        for kind in ("lanes", "thresholds", "requirements", "networks"):
            window(*self.rows(kind))
        window(*(zone["approval"] for zone in self.rows("zones")))
        for version in self.rows("subprocessors"):
            out.update((instant(version["published_at"]), instant(version["effective_at"])))
            out.update(instant(objection["at"]) for objection in version.get("objections") or [])
        out.update(instant((product.get("dpa") or {}).get("grace_until")) or 0 for product in self.rows("products"))
        for row in self.rows("billing"):
            if row["state"] == "open" and row.get("open_since"):
                out.add(instant(row["open_since"]) + 15 * DAY + 1)
            if row.get("unpaid_due"):
                out.add(instant(row["unpaid_due"]) + 30 * DAY + 1)
        return sorted(out - {NEVER})

    def next_edge(self, now):
        after = next((edge for edge in self.edges if edge > now), None)
        return {} if after is None else {"next": written(after)}


class Judgement:
    def __init__(self, model, facts):
        self.law = model
        self.facts = facts
        self.now = instant(facts["now"])
        self.product = model.products[facts["product"]]
        self.model = model.models[facts["model"]]
        self.seller = self.product["seller"]
        self.client = model.parties.get(facts.get("client"))
        self.online = None if self.client else facts.get("online")
        self.agreement, self.no_agreement = model.agreement_of(facts, self.seller, self.now)
        self.zone = model.zones.get(self.product.get("zone"))
        self.origin = {"state": "unknown", "registered": False, **(facts.get("origin") or {})}
        self.reasons, self.per_route = [], []

    def add(self, code, route=None, **more):
        told = {"code": code, "route": route and route["id"], **more}
        self.reasons.append({key: value for key, value in told.items() if value})

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

    def usual_markets(self):
        if self.agreement and self.agreement.get("markets"):
            return list(self.agreement["markets"])
        if (self.client is None or (self.agreement or {}).get("online")) and self.kyc():
            return [self.kyc()]
        return []

    def markets(self):
        """Where this call is for."""
        return [self.facts["market"]] if self.facts.get("market") else self.usual_markets()

    def domestic(self):
        """By what the client belongs to the mainland; None: it does not."""
        instrument = (self.client or {}).get("billing_instrument") or {}
        signs = [("kyc", self.kyc() == "CN"),
                 ("declared", "CN" in self.law.countries((self.client or {}).get("markets_declared"))),
                 ("contract", "CN" in ((self.agreement or {}).get("markets") or [])),
                 ("instrument", instrument.get("country") == "CN" and instrument.get("kind") in ("consumer_card", "wallet")),
                 ("end_user", "CN" in self.end_users())]
        return next((what for what, holds in signs if holds), None)

    def qualified(self, kind, country):
        """Whether the seller is, for this model."""
        return any(row["type"] == kind and self.valid(row) and country in self.law.countries(row["region"])
                   and row.get("model") in (None, self.model["id"])
                   for row in self.law.parties[self.seller].get("qualifications") or [])

    def valid(self, thing):
        return within(thing, self.now) and self.law.document_state(thing.get("doc")) == "fine"

    # ---- 3.2 and 3.1, before any route -----------------------------------------------------------

    def reverse_client(self):
        foreign, domestic = self.model["origin"] != "CN", self.domestic()
        inland = domestic or ("market" if self.facts.get("market") == "CN" else None)
        if inland and foreign and not self.qualified("genai_filing", "CN"):
            self.add("REVERSE_IMPORT", what=inland, object=self.model["id"], country="CN")
        if domestic and "CN" not in self.law.regions(self.product.get("markets")):
            self.add("MARKET_NOT_SERVED", what=domestic, object=self.product["id"], country="CN")

    def reverse_request(self):
        foreign, origin = self.model["origin"] != "CN", self.origin
        if foreign and (origin["state"] == "cn" or (origin["state"] == "unsure" and not origin.get("registered"))):
            self.add("REVERSE_ORIGIN", what=origin["state"], object=self.model["id"], country="CN")
        review = {"resale": "CLIENT_RESALE_SUSPECT", "origin": "ORIGIN_REVIEW"}.get(self.facts.get("review"))
        if review:
            self.add(review)

    def zone_rules(self):
        zone, origin, content = self.zone, self.origin, self.facts.get("content") or {}
        approval = zone["approval"]
        if not within(approval, self.now):
            self.add("ZONE_NOT_APPROVED", what="window", object=zone["id"])
        if self.law.document_state(approval["doc"]) != "fine":
            self.add("ZONE_NOT_APPROVED", what="document", object=zone["id"])
        if not {self.seller, zone["operator"]} & set(approval["operators"]):
            self.add("ZONE_NOT_APPROVED", what="operator", object=zone["id"])
        for item in ("network", "compute", "storage", "keys", "admin", "logs", "cache"):
            if zone["separation"][item] == "shared":
                self.add("ZONE_SHARED", what=item, object=zone["id"])
        for reader in zone.get("output_readers") or []:
            party = self.law.parties[reader]
            if "CN" in (party["jurisdiction"], self.law.controlled_from(party)):
                self.add("ZONE_BACKFLOW", object=reader, country="CN")
        if self.facts.get("ingress") not in zone["ingress_links"]:
            self.add("ZONE_INGRESS", object=self.facts.get("ingress"))
        if origin["state"] == "cn":
            self.add("ZONE_ORIGIN_CN", what="origin", country="CN")
        if "CN" in self.markets():
            self.add("ZONE_ORIGIN_CN", what="market", country="CN")
        if origin["state"] in ("unsure", "unknown") and not origin.get("registered"):
            self.add("ZONE_ORIGIN_UNSURE", what=origin["state"])
        if self.kyc() == "CN":
            self.add("ZONE_USER_CN", what="kyc", country="CN")
        if "CN" in self.end_users():
            self.add("ZONE_USER_CN", what="end_user", country="CN")
        for market in self.markets():
            if market not in self.law.countries(zone["allowed_markets"]):
                self.add("ZONE_MARKET", country=market, object=zone["id"])
        if not content.get("scanned"):
            self.add("ZONE_MIX_PI", what="unscanned")
        elif content.get("strong") and self.product.get("content_policy", "refuse_strong") == "refuse_strong":
            self.add("ZONE_MIX_PI", object=content["strong"])
        if content.get("scanned") and content.get("marker"):
            self.add("ZONE_IMPORTANT_DATA", object=content["marker"])
        if self.facts.get("has_callback"):
            self.add("ZONE_ROUTE_RETURN")

    # ---- each route ------------------------------------------------------------------------------

    def route_itself(self, route):
        credential = self.law.credentials[route["credential"]]
        if credential["account_holder"] != self.seller:
            self.add("CREDENTIAL_HOLDER", route, object=credential["account_holder"])
        host = re.sub(r":\d+$", "", re.match(r"https?://([^/]+)", route["endpoint"]).group(1)).lower()
        hosts = [h.lower() for h in self.law.parties[route["upstream_party"]].get("official_hosts") or []]
        if not any(host == h or (h.startswith("*.") and host.endswith(h[1:])) for h in hosts):
            self.add("ENDPOINT_UNOFFICIAL", route, object=host)
        if route.get("state") == "suspended":
            self.add("ROUTE_SUSPENDED", route)
        if route["id"] in (self.facts.get("quarantined") or []):
            self.add("MODEL_SWAP", route)

    def chain(self, route):
        """The path that scope is judged on ([]: the vendor itself sells), or None."""
        law, vendor = self.law, self.model["vendor"]
        if self.agreement is None:
            self.add("CHAIN_CLIENT_LEG", route, **self.no_agreement)
        if self.seller == vendor:
            return []
        judged = [(path, law.path_reason(path, broken, self.model, self.now))
                  for path, broken in law.paths(self.model["id"], self.seller, route["upstream_party"],
                                                      law.credentials[route["credential"]].get("grant"))]
        fine = [path for path, reason in judged if reason is None]
        if fine:
            return fine[0]
        for _, reason in judged:
            self.add(route=route, **reason)
        if judged:
            return judged[0][0]
        reached = law.reached(self.model["id"])
        if not reached:
            self.add("CHAIN_NO_ROOT", route, what="no_grant", object=vendor)
        else:
            grants_us = {g["grantor"] for g in law.grants.values()
                         if g["grantee"] == self.seller and law.names(g, self.model)}
            near = sorted(reached - grants_us - {self.seller})
            upstream = route["upstream_party"]
            self.add("CHAIN_GAP", route, what="no_grant", object=upstream if upstream in reached or not near else near[0])
        return None

    def needs(self):
        need = {"api_call"}
        if len({self.law.models[m]["vendor"] for m in self.product["models"]}) >= 2:
            need.add("aggregate")
        if self.seller != self.model["vendor"]:
            need.add("resell")
        if self.product.get("names_vendor") is False or self.aliased():
            need.add("white_label")
        if self.product.get("caches"):
            need.add("cache")
        if self.product.get("device"):
            need.add("device_embed")
        return need

    def aliased(self):
        return any(alias["model"] == self.model["id"] for alias in self.product.get("aliases") or [])

    def scope(self, route, path):
        law, agreement, need = self.law, self.agreement, self.needs()
        for action in ACTIONS:
            lacking = [edge["id"] for edge in path if action not in edge["actions"]]
            if action in need and lacking:
                self.add("SCOPE_ACTION", route, what=action, object=lacking[0])
        for action in ("api_call", "device_embed"):
            if agreement and action in need and action not in agreement["actions"]:
                self.add("SCOPE_ACTION", route, what=action, object=agreement["id"])
        legs = [(edge["id"], law.regions(edge["regions"])) for edge in path]
        legs += [(agreement["id"], law.regions(agreement["regions"]))] if agreement else []
        for what, country in self.places():
            lacking = [name for name, allowed in legs if country is None or country not in allowed]
            if what == "market" or country is None or lacking:
                self.add("SCOPE_REGION", route, what=what, country=country,
                         object=self.region_object(what, path, lacking))
        self.scope_types(route, path)
        self.scope_brand(route, path)
        for what, party in (("client", self.client), ("seller", law.parties[self.seller])):
            owner = law.controlled_from(party) if party else None
            edges = [edge["id"] for edge in path if owner and owner in law.countries(edge.get("exclude_owned_from"))]
            if edges:
                self.add("SCOPE_OWNERSHIP", route, what=what, object=edges[0], country=owner)
        used = (self.facts.get("counters") or {}).get("grant_tokens") or {}
        for edge in path:
            tokens = (edge.get("quota") or {}).get("tokens")
            if tokens and used.get(edge["id"], 0) >= tokens:
                self.add("SCOPE_QUOTA", route, object=edge["id"], number=tokens)
        for row in law.requirements:
            for market in self.markets() if within(row, self.now) else []:
                if market in law.countries(row["markets"]) and not self.qualified(row["qualification"], market):
                    self.add("SCOPE_QUALIFICATION", route, what=row["qualification"], object=row["id"], country=market)

    def region_object(self, what, path, lacking):
        """Who does not allow it; of what is not known, the first that is there."""
        agreement = self.agreement and self.agreement["id"]
        if what == "market":
            return agreement
        return lacking[0] if lacking else path[0]["id"] if path else agreement

    def places(self):
        """Each country that must be allowed, and by which fact; None: it is not known."""
        market, origin = self.facts.get("market"), self.origin
        if self.agreement and market and market not in self.usual_markets():
            yield "market", market
        for country in self.markets():
            yield "contract", country
        if self.agreement and not self.markets():
            yield "contract", None
        yield "kyc", self.kyc()
        yield "billing", self.billing()
        for country in [market] if market else self.end_users():
            yield "end_user", country
        if origin["state"] == "unknown" or not origin.get("countries"):
            yield "origin", None
        else:
            for country in origin["countries"]:
                yield "origin", country

    def scope_types(self, route, path):
        kind, agreement = self.client_type(), self.agreement
        allowed = [set(edge["client_types"]) for edge in path] + ([set(agreement["client_types"])] if agreement else [])
        if kind is None or not all(kind in types for types in allowed):
            self.add("SCOPE_CLIENT_TYPE", route, what=kind or "unknown")
        child = agreement and agreement.get("child_directed")
        if child and not all("child_directed" in edge["client_types"] for edge in path):
            self.add("SCOPE_CLIENT_TYPE", route, what="child_directed")

    def scope_brand(self, route, path):
        terms = [(edge["id"], edge.get("brand_terms") or {}) for edge in path]
        must = [name for name, brand in terms if brand.get("must_name_vendor")]
        if self.product.get("names_vendor") is False and must:
            self.add("SCOPE_BRAND", route, what="vendor", object=must[0])
        if self.aliased() and path:
            fixed = [name for name, brand in terms if not brand.get("may_rename")]
            if fixed or self.product["brand"] not in (terms[-1][1].get("brands") or []):
                self.add("SCOPE_BRAND", route, what="alias", object=fixed[0] if fixed else terms[-1][0])

    def dpa_reason(self, terms):
        dpa = (terms or {}).get("dpa") or {}
        if not dpa.get("version"):
            return "none"
        if not dpa.get("signed"):
            return "unsigned"
        if self.law.document_state(dpa.get("doc")) != "fine":
            return "document"
        if self.now < starts(dpa):
            return "not_yet"
        return "expired" if self.now >= ends(dpa) else None

    def data(self, route):
        law = self.law
        mine = law.data_terms.get((self.agreement or {}).get("data_terms"))
        theirs = law.data_terms.get(route.get("data_terms"))
        reason = self.dpa_reason(mine)
        if reason:
            self.add("DATA_NO_DPA", route, what=reason, object=mine and mine["id"])
        upstream = self.dpa_reason(theirs)
        if upstream:
            self.add("DATA_UPSTREAM_TERMS", route, what=upstream, object=route["upstream_party"])
        if reason == "none":
            return
        current = self.product.get("dpa")
        if current and current.get("version") and mine["dpa"]["version"] != current["version"]:
            grace = instant(current.get("grace_until")) or 0
            if not (mine["dpa"]["version"] == current.get("previous") and self.now < grace):
                self.add("DATA_DPA_VERSION", route, object=mine["dpa"]["version"])
        if not upstream:
            self.data_upstream(route, mine, theirs)
        self.subprocessors(route, theirs or {})
        place = route["place"].split("/")[0]
        if place not in law.countries(mine.get("locations")):
            self.add("DATA_LOCATION", route, country=place, object=mine["id"])
        for market in dict.fromkeys(self.markets()):
            if market != place:
                self.transfer(route, market, place, mine, theirs or {})
        if self.agreement.get("child_directed"):
            self.child(route, None if upstream else theirs)
        self.us_bulk(route, place, mine)
        record = mine.get("record") or {}
        empty = [field for field in ("controller", "contact", "categories", "transfers", "security") if not record.get(field)]
        if empty:
            self.add("DATA_RECORD", route, what=empty[0], object=mine["id"])

    def data_upstream(self, route, mine, theirs):
        kept, most = theirs.get("retention_days"), mine.get("retention_days")
        if kept is None:
            self.add("DATA_RETENTION", route, what="unknown", object=theirs["id"])
        elif most is None:
            self.add("DATA_RETENTION", route, what="not_stated", object=mine["id"])
        elif kept > most:
            self.add("DATA_RETENTION", route, what="days", number=kept, object=theirs["id"])
        training = theirs.get("training") or "unknown"
        if training != "no" and not (training in ("opt_in", "yes") and mine.get("training") in ("opt_in", "yes")):
            self.add("DATA_TRAINING", route, what=training, object=theirs["id"])

    def subprocessors(self, route, theirs):
        law = self.law
        touch = [route["upstream_party"]]
        pool = law.pools.get(route.get("pool"))
        if pool:
            touch.append(pool["operator"])
            if pool.get("zone"):
                touch.append(law.zones[pool["zone"]]["operator"])
        touch += theirs.get("third_parties") or []
        published = [row for row in law.rows("subprocessors") if instant(row["published_at"]) <= self.now]
        now = [row for row in published if instant(row["effective_at"]) <= self.now]
        force = max(now, key=lambda row: (instant(row["effective_at"]), row["version"]), default={})
        listed = {entry["party"] for entry in force.get("entries") or []}
        objected = {o["party"] for row in law.rows("subprocessors") for o in row.get("objections") or []
                    if o["client"] == self.facts.get("client") and instant(o["at"]) <= self.now}
        for party in dict.fromkeys(touch):
            if party == self.seller:
                continue
            if party in objected:
                self.add("DATA_SUBPROCESSOR", route, what="objected", object=party)
            elif party not in listed:
                waits = [instant(row["effective_at"]) - self.now for row in published
                         if instant(row["effective_at"]) > self.now and party in {e["party"] for e in row["entries"]}]
                if waits:
                    self.add("DATA_SUBPROCESSOR_NOTICE", route, object=party, number=min(waits) // 10**9)
                else:
                    self.add("DATA_SUBPROCESSOR", route, what="unlisted", object=party)

    def transfer(self, route, market, place, mine, theirs):
        law = self.law
        lanes = [row for row in law.lanes if within(row, self.now)
                 and market in law.countries(row["from"]) and place in law.countries(row["to"])]
        if not lanes:
            self.add("DATA_TRANSFER", route, what="no rule", country=market, to=place)
        bases = {basis["mechanism"] for basis in (mine.get("transfer_basis") or []) + (theirs.get("transfer_basis") or [])
                 if basis["from"] == market and basis["to"] == place and self.valid(basis)}
        for row in lanes:
            accepted = set(row.get("mechanisms") or [])
            if "none" not in accepted and not accepted & bases:
                self.add("DATA_TRANSFER", route, what="no basis", object=row["id"], country=market, to=place)
                break

    def child(self, route, theirs):
        tests = [("consent", bool(self.facts.get("consent_ref")))]
        if theirs is not None:
            tests += [("children", bool(theirs.get("children_allowed"))), ("retention", theirs.get("retention_days") == 0),
                      ("training", theirs.get("training") == "no"),
                      ("human_review", theirs.get("human_review") in ("no", "abuse_only"))]
        for what, holds in tests:
            if not holds:
                self.add("DATA_CHILD", route, what=what, object=theirs["id"] if what != "consent" else None)

    def us_bulk(self, route, place, mine):
        people = [*self.markets(), self.kyc(), self.billing(), *self.end_users()]
        if place not in ("CN", "HK", "MO") or "US" not in people:
            return
        if not mine.get("us_declared"):
            self.add("DATA_US_BULK", route, what="declaration", object=mine["id"])
            return
        counted = (self.facts.get("counters") or {}).get("us_bulk") or {}
        for category in US_CATEGORIES:
            if category not in (mine.get("us_categories") or []):
                continue
            rows = [row for row in self.law.rows("thresholds")
                    if row["name"] == f"us_bulk.{category}" and within(row, self.now)]
            least = min(rows, key=lambda row: (row["value"], row["id"]), default=None)
            if least is None:
                self.add("DATA_US_BULK", route, what=category)
            elif counted.get(category, 0) >= least["value"]:
                self.add("DATA_US_BULK", route, what=category, object=least["id"], number=least["value"])

    def procurement_reason(self, route, procurement):
        if self.law.document_state(procurement.get("doc")) != "fine":
            return "document"
        if self.now < starts(procurement):
            return "not_yet"
        if self.now >= ends(procurement):
            return "expired"
        if procurement["upstream_party"] != route["upstream_party"]:
            return "upstream"
        return "buyer" if procurement["buyer"] != self.seller else None

    def bill(self, route):
        law = self.law
        procurement = law.procurements.get(law.credentials[route["credential"]].get("procurement"))
        pool = law.pools.get(route.get("pool"))
        own = route["upstream_party"] == self.seller or (pool is not None and pool["operator"] == self.seller)
        if not own and procurement is None:
            self.add("BILL_NO_PROCUREMENT", route, what="none")
        elif not own:
            reason = self.procurement_reason(route, procurement)
            if reason:
                self.add("BILL_NO_PROCUREMENT", route, what=reason, object=procurement["id"])
            elif procurement.get("purchase_orders"):
                bought = sum(o["tokens"] for o in procurement["purchase_orders"] if self.valid(o))
                used = ((self.facts.get("counters") or {}).get("order_tokens") or {}).get(procurement["id"], 0)
                if bought <= used:
                    self.add("BILL_PO_EXHAUSTED", route, object=procurement["id"], number=bought)
        if not self.facts.get("has_order"):
            self.add("BILL_NO_ORDER", route)
        for party in (route["upstream_party"], self.facts.get("client")):
            self.last_period(route, party)

    def last_period(self, route, party):
        for row in self.law.billing:
            if row["party"] != party:
                continue
            since, due = instant(row.get("open_since")), instant(row.get("unpaid_due"))
            if row["state"] == "open" and (since is None or self.now - since > 15 * DAY):
                self.add("BILL_LAST_PERIOD", route, what="open", object=party)
                return
            if due is not None and self.now - due > 30 * DAY:
                self.add("BILL_LAST_PERIOD", route, what="unpaid", object=party)
                return

    def zone_route(self, route):
        law = self.law
        pool = law.pools.get(route.get("pool"))
        where = (pool or {}).get("zone")
        if not self.zone:
            if where:
                self.add("ZONE_POOL_OUTSIDE", route, object=pool["id"])
            return
        if pool is None or pool["id"] not in self.zone["approval"]["pools"]:
            self.add("ZONE_NOT_APPROVED", route, what="pool", object=pool and pool["id"])
        for attached in sorted(route.get("attachments") or [], key=lambda row: row["id"]):
            if attached.get("tag", "unknown") != "overseas":
                self.add("ZONE_MIX_SOURCE", route, object=attached["id"])
        if where != self.product["zone"]:
            self.add("ZONE_POOL_OUTSIDE", route, object=pool and pool["id"])
        theirs = law.data_terms.get(route.get("data_terms"))
        kept = (theirs or {}).get("retention_days")
        if kept is None:
            self.add("ZONE_RETENTION", route, what="unknown", number=self.zone["retention_max_s"])
        elif kept * 86400 > self.zone["retention_max_s"]:
            self.add("ZONE_RETENTION", route, what="seconds", object=theirs["id"],
                     number=self.zone["retention_max_s"])
        if theirs and (theirs.get("training") or "unknown") != "no":
            self.add("ZONE_PURPOSE", route, what="training", object=theirs["id"])
        if theirs and theirs.get("analytics", True):
            self.add("ZONE_PURPOSE", route, what="analytics", object=theirs["id"])

    # ---- the verdict -----------------------------------------------------------------------------

    def may_list(self):
        """Whether the catalogue shows the model to the client: R1 and R2."""
        self.reverse_client()
        return {"list": False, "code": self.reasons[0]["code"]} if self.reasons else {"list": True}

    def verdict(self):
        sold = self.model["id"] in self.product["models"]
        routes = self.law.routes[self.model["id"]] if sold else []
        self.reverse_client()
        self.reverse_request()
        if not self.reasons and self.product["mode"] == "zone":
            self.zone_rules()
        if self.reasons:
            self.reasons.sort(key=lambda reason: RANK[reason["code"]])
            return self.result(self.reasons[0]["code"])
        for route in routes:
            before = len(self.reasons)
            self.route(route)
            self.reasons[before:] = sorted(self.reasons[before:], key=lambda reason: RANK[reason["code"]])
        fine = any(row["admissible"] for row in self.per_route)
        return self.result(None if fine else self.code(routes))

    def route(self, route):
        before = len(self.reasons)
        path = self.chain(route)
        if path is not None:
            self.scope(route, path)
        self.data(route)
        self.bill(route)
        self.route_itself(route)
        self.zone_route(route)
        mine = self.reasons[before:]
        closures = self.closures(route, path, mine)
        closed = closures["authorization"] == "closed"
        self.per_route.append({
            "admissible": not mine, "agreement": self.agreement["id"] if closed else None,
            "chain": [edge["id"] for edge in path] if closed else [], "closures": closures, "route": route["id"],
            "until": written(self.lasts(path)) if closed else None})

    def lasts(self, path):
        """Until when an authorization is closed, if nothing is entered."""
        legs = [*path, self.agreement]
        return min(min(ends(leg), self.law.revocation(leg)) for leg in legs)

    def closures(self, route, path, reasons):
        starts_with = {"authorization": "CHAIN_", "scope": "SCOPE_", "data": "DATA_", "billing": "BILL_"}
        out = {name: "open" if any(r["code"].startswith(code) for r in reasons) else "closed"
               for name, code in starts_with.items()}
        if path is None:
            out["authorization"] = out["scope"] = "open"
        parties = (route["upstream_party"], self.facts.get("client"))
        settled = any(row["party"] in parties and row["state"] == "closed" for row in self.law.billing)
        if out["billing"] == "closed" and not settled:
            out["billing"] = "pending"
        return out

    def code(self, routes):
        """The reason that is told when each route has some."""
        of = [[r["code"] for r in self.reasons if r["route"] == route["id"]] for route in routes]
        if not of:
            return None
        if all(code == "DATA_UPSTREAM_TERMS" for codes in of for code in codes):
            return "DATA_UPSTREAM_TERMS"
        for codes in of:
            if not any(SIDE[code] == "client" for code in codes):
                return codes[0]
        common = [code for code, side, _ in ORDER if side == "client" and all(code in codes for codes in of)]
        return common[0] if common else next(code for code in of[0] if SIDE[code] == "client")

    def error(self, code, allow):
        if allow:
            return None
        if code is None:
            return "no_closed_route"
        if code == "DATA_UPSTREAM_TERMS":
            upstream = all(r["code"] == code for r in self.reasons)
            return "data_terms_unknown" if upstream else "no_closed_route"
        first = next(r for r in self.reasons if r["code"] == code)
        if code in ("DATA_RETENTION", "DATA_TRAINING") and first.get("what") == "unknown":
            return "data_terms_unknown"
        return TOLD[code]

    def result(self, code):
        fine = [row for row in self.per_route if row["admissible"]]
        order = ("closed", "pending", "open")
        best = min(fine or self.per_route, default=None,
                   key=lambda row: [order.index(row["closures"][name]) for name in CLOSURES])
        untils = [row["until"] for row in fine if row["until"]]
        return {"allow": bool(fine), "closures": best["closures"] if best else dict.fromkeys(CLOSURES, "open"),
                "code": code, "dropped": max(0, len(self.reasons) - REASONS_MAX), "error": self.error(code, bool(fine)),
                "per_route": self.per_route, "reasons": self.reasons[:REASONS_MAX],
                "routes": [row["route"] for row in fine], "until": min(untils, key=instant, default=None)}
