"""Receipts, good ones and bad ones, each with what every test of it must come to. The same cases go to verify.js in Node, to the
page in a browser, to verify_log.py and to `entrepot receipt verify`: four readers, one opinion."""

import copy
import dataclasses
import json

import made

HOLDS, FAILS, NOT_SHOWN = "holds", "fails", "not shown"
# In the order and by the names that both verifiers use.
TESTS = ("form", "client section", "evidence section", "operator section", "one call", "promise", "inclusion", "checkpoint", "witnesses")
CALL, OTHER_CALL = "call_0aaaaaaaaaaaaaaaaaaaaaaaaa", "call_0bbbbbbbbbbbbbbbbbbbbbbbbb"
LEAF, SIZE = 260, 300

LOG_KEY = made.Key(bytes(range(32)), "entrepot.example/receipts")
FORGER = made.Key(bytes(range(64, 96)), LOG_KEY.name)
OTHER_LOG = made.Key(bytes(range(96, 128)), "other.example/receipts")
WITNESSES = [made.Key(bytes(range(32 + i, 64 + i)), f"witness.example/w{i}", algorithm=4) for i in (1, 2)]
POLICY = "".join(f"witness w{i} {key.vkey}\n" for i, key in enumerate(WITNESSES)) + "group both all w0 w1\nquorum both\n"


@dataclasses.dataclass
class Case:
    name: str
    document: bytes
    outcomes: dict
    policy: str = ""
    proof: str = ""
    good: bool = True  # whether the receipt can be relied on

    def write(self, folder):
        folder.mkdir(parents=True)
        (folder / "receipt.json").write_bytes(self.document)
        if self.policy:
            (folder / "policy").write_text(self.policy)
        if self.proof:
            (folder / "receipt.tlog-proof").write_text(self.proof)
        return folder


def entries():
    filler = [b"leaf %d" % i for i in range(SIZE)]
    filler[LEAF] = made.canonical(made.entry(made.sections(CALL), made.salts(CALL)))
    return filler


OTHER_ENTRY = made.canonical(made.entry(made.sections(OTHER_CALL), made.salts(OTHER_CALL)))
LOG = made.Log(LOG_KEY, entries(), witnesses=WITNESSES[:1])
FULL = dict(zip(TESTS, (HOLDS, HOLDS, HOLDS, NOT_SHOWN, HOLDS, HOLDS, HOLDS, HOLDS, NOT_SHOWN)))
NOTHING_SHOWN = {**FULL, "client section": NOT_SHOWN, "evidence section": NOT_SHOWN, "one call": NOT_SHOWN}
UNREADABLE = {**dict.fromkeys(TESTS, NOT_SHOWN), "form": FAILS}


def receipt(**changed):
    return made.receipt(LOG_KEY, LOG, LEAF, CALL, **changed)


def written(document):
    return json.dumps(document, ensure_ascii=False).encode()


def good_cases():
    plain = receipt()
    yield Case("as_handed_over", written(plain), FULL)
    # Order and white space are the document's own; what is hashed is canonical.
    turned = {key: dict(reversed(value.items())) if isinstance(value, dict) else value for key, value in reversed(plain.items())}
    yield Case("laid_out_otherwise", json.dumps(turned, indent=3).encode(), FULL)
    yield Case("for_the_operator", written(receipt(shown=made.SECTIONS)), {**FULL, "operator section": HOLDS})
    yield Case("one_section", written(receipt(shown=("evidence",))), {**FULL, "client section": NOT_SHOWN, "one call": NOT_SHOWN})
    yield Case("erased", written({**plain, "client": None, "evidence": None, "salts": {}}), NOTHING_SHOWN)
    promised = {**plain, "proof": None}
    none_yet = {**FULL, "inclusion": NOT_SHOWN, "checkpoint": NOT_SHOWN}
    yield Case("promised_only", written(promised), none_yet)
    yield Case("proof_beside_it", written(promised), FULL, proof=LOG.proof(LEAF))
    alone = {**NOTHING_SHOWN, "promise": NOT_SHOWN}
    yield Case("proof_alone", LOG.proof(LEAF).encode(), alone)
    yield Case("proof_alone_with_witness", LOG.proof(LEAF).encode(), {**alone, "witnesses": HOLDS}, policy=POLICY.replace(" all ", " any "))
    yield Case("no_promise", written({key: value for key, value in plain.items() if key != "promise"}), {**FULL, "promise": NOT_SHOWN})
    yield Case("one_of_two_witnesses", written(plain), {**FULL, "witnesses": HOLDS}, policy=POLICY.replace(" all ", " any "))
    yield Case("no_quorum_wanted", written(plain), {**FULL, "witnesses": HOLDS}, policy="quorum none\n")
    yield Case("more_than_we_know", written({**plain, "note": {"of": [1, 2.5, True, None]}}), FULL)


def changed(path, value):
    """The good receipt with one thing in it replaced; `path` is "client.amount" or the like."""
    document = copy.deepcopy(receipt())
    *parents, last = path.split(".")
    at = document
    for parent in parents:
        at = at[parent]
    at[last] = value(at.get(last)) if callable(value) else value
    return written(document)


def flipped(text):
    """Its last base64 digit but three, changed: a signature's or a hash's last bytes."""
    at = text.rindex("\n", 0, -1) if text.count("\n") > 1 else 0
    place = text.index("=", at) - 4 if "=" in text[at:] else len(text) - 6
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1:]


def forged_by_other():
    """Everything consistent in itself, under a key of the same name that the log does not have."""
    return made.receipt(FORGER, made.Log(FORGER, entries()), LEAF, CALL)


def other_log_document():
    return made.receipt(OTHER_LOG, made.Log(OTHER_LOG, entries()), LEAF, CALL)


def without_leaf():
    """A proof of a log that has another entry at the place."""
    return made.Log(LOG_KEY, [b"leaf %d" % i for i in range(SIZE)]).proof(LEAF)


def short_salt():
    """With the digest that it gives: the end of a salt and the beginning of a section could change places."""
    salts = {**made.salts(CALL), "client": bytes(15)}
    document = receipt()
    document["entry"] = made.entry(made.sections(CALL), salts)
    document["salts"]["client"] = made.b64(salts["client"])
    document["promise"] = made.promise(LOG_KEY, LEAF, made.canonical(document["entry"]))
    document["proof"] = None
    return written(document)


def says_otherwise(text, old, new):
    """The log's own signature over another text."""
    return LOG_KEY.note(text.split("\n\n")[0].replace(old, new, 1) + "\n")


def other_checkpoint():
    proof, checkpoint = LOG.proof(LEAF).split("\n\n", 1)
    return f"{proof}\n\n{says_otherwise(checkpoint, LOG_KEY.name, OTHER_LOG.name)}"


def one_cosignature_forged():
    """Beside one that holds: whoever shows a forged one is not believed for another."""
    whole = made.Log(LOG_KEY, entries(), witnesses=WITNESSES).proof(LEAF)
    return changed("proof", flipped(whole))


def mixed_calls():
    document = receipt(shown=("client",))
    document["evidence"] = made.sections(OTHER_CALL)["evidence"]
    document["salts"]["evidence"] = made.b64(made.salts(OTHER_CALL)["evidence"])
    return written(document)


def bad_cases():
    fails = lambda *tests: {**FULL, **dict.fromkeys(tests, FAILS)}
    bad = lambda name, document, outcomes, **more: Case(name, document, outcomes, good=False, **more)
    yield bad("amount_changed", changed("client.amount", "1234568"), fails("client section"))
    yield bad("rule_taken_away", changed("evidence.rules", ""), fails("evidence section"))
    yield bad("member_added", changed("client.discount", "1"), fails("client section"))
    yield bad("number_for_text", changed("client.amount", 1234567), fails("client section"))
    yield bad("salt_changed", changed("salts.client", made.b64(bytes(16))), fails("client section"))
    yield bad("salt_short", changed("salts.client", made.b64(bytes(15))), fails("client section"))
    yield bad("salt_short_and_fitting", short_salt(), {**fails("client section"), **dict.fromkeys(TESTS[6:], NOT_SHOWN)})
    yield bad("salt_gone", changed("salts", {}), fails("client section", "evidence section"))
    yield bad("two_calls", mixed_calls(), fails("evidence section", "one call"))
    yield bad("digest_changed", changed("entry.client", "00" * 32), fails("client section", "promise", "inclusion"))
    yield bad("leaf_changed", changed("leaf", LEAF + 1), fails("promise", "inclusion"))
    yield bad("promise_flipped", changed("promise", flipped), fails("promise"))
    yield bad("promise_of_another", changed("promise", made.promise(LOG_KEY, LEAF, b"another entry")), fails("promise"))
    promise = receipt()["promise"]
    yield bad("promise_of_a_later_version", changed("promise", says_otherwise(promise, "/v1", "/v2")), fails("promise"))
    yield bad("promise_names_another_log", changed("promise", says_otherwise(promise, LOG_KEY.name, OTHER_LOG.name)), fails("promise"))
    yield bad("promise_of_another_leaf", changed("promise", says_otherwise(promise, f"\n{LEAF}\n", f"\n{LEAF - 1}\n")), fails("promise"))
    yield bad("promise_without_time", changed("promise", says_otherwise(promise, "\n1800000000", "\nsoon")), fails("promise"))
    yield bad("promise_is_checkpoint", changed("promise", LOG.checkpoint), fails("promise"))
    yield bad("proof_of_another_entry", changed("proof", without_leaf()), fails("inclusion"))
    yield bad("proof_of_another_leaf", changed("proof", LOG.proof(LEAF - 1)), fails("inclusion"))
    yield bad("proof_cut", changed("proof", lambda proof: proof[:60]), {**fails("inclusion"), "checkpoint": NOT_SHOWN})
    yield bad("path_short", changed("proof", lambda proof: proof.replace(made.b64(made.path(LEAF, LOG.hashes)[0]) + "\n", "", 1)),
              fails("inclusion"))
    yield bad("root_changed", changed("proof", lambda proof: proof.replace(made.b64(made.root(LOG.hashes)), made.b64(bytes(32)))),
              fails("inclusion", "checkpoint"))
    yield bad("size_changed", changed("proof", lambda proof: proof.replace(f"\n{SIZE}\n", f"\n{SIZE * 2}\n")),
              fails("inclusion", "checkpoint"))
    yield bad("checkpoint_names_another_log", changed("proof", other_checkpoint()), fails("checkpoint"))
    yield bad("checkpoint_unsigned", changed("proof", lambda proof: "\n".join(line for line in proof.split("\n")
                                                                             if not line.startswith(f"\u2014 {LOG_KEY.name}"))),
              fails("checkpoint"))
    yield bad("forged_by_another_key", written(forged_by_other()), fails("promise", "checkpoint"))
    yield bad("of_another_log", written(other_log_document()), fails("promise", "checkpoint"))
    alone = {**NOTHING_SHOWN, "promise": NOT_SHOWN}
    yield bad("proof_alone_of_another_leaf", LOG.proof(LEAF).replace(f"index {LEAF}", f"index {LEAF - 1}").encode(),
              {**alone, "inclusion": FAILS})
    yield bad("proof_alone_of_another_entry", LOG.proof(LEAF).replace(made.b64(LOG.entries[LEAF]), made.b64(OTHER_ENTRY)).encode(),
              {**alone, "inclusion": FAILS})
    yield bad("proof_alone_forged", made.Log(FORGER, entries()).proof(LEAF).encode(), {**alone, "checkpoint": FAILS})
    yield bad("too_few_witnesses", written(receipt()), fails("witnesses"), policy=POLICY)
    yield bad("one_of_two_cosignatures_forged", one_cosignature_forged(), fails("witnesses"), policy=POLICY.replace(" all ", " any "))
    yield bad("cosignature_forged_and_none_wanted", one_cosignature_forged(), fails("witnesses"),
              policy=POLICY.replace("quorum both", "quorum none"))
    yield bad("witness_flipped", changed("proof", flipped), fails("witnesses"), policy=POLICY.replace(" all ", " any "))


def unreadable_cases():
    plain = written(receipt())
    bad = lambda name, document: Case(name, document, UNREADABLE, good=False)
    yield bad("empty", b"")
    yield bad("cut", plain[:-40])
    yield bad("not_utf8", plain.replace(b"aurora", b"aur\xffra", 1))
    yield bad("no_json", b"%PDF-1.7\n")
    yield bad("a_list", b"[" + plain + b"]")
    yield bad("key_twice", plain[:-1] + b', "leaf": 0}')
    yield bad("proof_alone_without_entry", "".join(LOG.proof(LEAF).splitlines(True)[:1] + LOG.proof(LEAF).splitlines(True)[2:]).encode())
    yield bad("proof_alone_of_an_event", LOG.proof(LEAF).replace(made.b64(LOG.entries[LEAF]), made.b64(b'{"kind":"event"}')).encode())
    yield bad("proof_alone_turned", LOG.proof(LEAF).replace(made.b64(LOG.entries[LEAF]), made.b64(LOG.entries[LEAF] + b" ")).encode())
    yield bad("proof_alone_of_a_later_version", LOG.proof(LEAF).replace("@v1", "@v2").encode())
    yield bad("leaf_as_text", changed("leaf", str(LEAF)))
    yield bad("leaf_negative", changed("leaf", -1))
    yield bad("leaf_fraction", changed("leaf", 1.5))
    yield bad("no_entry", written({key: value for key, value in receipt().items() if key != "entry"}))
    yield bad("entry_of_an_event", changed("entry.kind", "event"))
    yield bad("entry_with_more", changed("entry.more", "x"))
    yield bad("proof_no_text", changed("proof", 7))
    yield bad("too_large", plain[:-1] + b', "x": "' + b"y" * 262144 + b'"}')


def all_cases():
    return [*good_cases(), *bad_cases(), *unreadable_cases()]
