"""A registry that must not come into force: each fault is refused with its code, file and line, and what was in force
stays: a call goes on as before."""

import json

import pytest

from law_house import FROM, UNTIL, needs_law
from test_scenario_b import DAY, build, call


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    needs_law()
    house = build(tmp_path_factory.mktemp("bad") / "demo", f"{DAY}11:00:00Z")
    yield house
    house.end()


@pytest.fixture
def draft(shop):
    """The registry's objects, to be spoilt; as they were, afterwards."""
    kept = json.dumps(shop.rules)
    yield shop
    assert shop.fine(call(shop, "c1"))["operator"]["route"] == "S1"
    shop.rules = json.loads(kept)
    shop.write_all()
    shop.document("letter-s1", "A lets P sell m-alpha.")
    assert shop.command("registry", "check", str(shop.registry)).returncode == 0


def test_a_signature_by_the_wrong_key(draft):
    key = draft.folder / "keys" / "k.vendor-a.2026.key"
    other = draft.folder / "keys" / "k.cloud.2026.key"
    done = draft.command("registry", "sign-grant", str(draft.registry), "--grant", "G-S1", "--key", str(other),
                         "--key-id", "k.vendor-a.2026", check=False)
    assert done.returncode == 1 or done.returncode == 2, "the command does not help with it"
    assert key.exists()
    row = draft.row("grants", "G-S1")
    row["signature"] = {**draft.row("grants", "G-A-CLOUD")["signature"]}  # A's own, of another grant
    draft.write("grants")
    assert "G-S1" in draft.refused("CHAIN_SIGNATURE")
    row["signature"] = {**draft.row("grants", "G-CLOUD-P")["signature"]}  # another party's
    draft.write("grants")
    assert "G-S1" in draft.refused("CHAIN_SIGNATURE")


def test_a_document_that_was_edited_by_one_byte(draft):
    draft.document("letter-s1", "A lets P sell m-alphb.")
    draft.refused("CHAIN_DOC_HASH")


def test_a_document_that_is_gone(draft):
    (draft.registry / "documents" / "letter-s1.txt").unlink()
    draft.refused("CHAIN_DOC_MISSING")


def test_a_click_through_that_is_called_signed(draft):
    row = draft.row("grants", "G-S1")
    row["doc"]["kind"] = "click_through"
    row.pop("signature")
    draft.write_all()
    draft.refused("CHAIN_NOT_WRITTEN")


def test_an_open_model_whose_licence_forbids_commerce(draft):
    licence = draft.document("licence", "For research alone.", "licence")
    draft.row("models", "m-beta").update(weights="open", licence={"id": "research", "commercial": False,
                                                                 "doc": licence})
    row = draft.row("grants", "G-B-CHAN")
    row.update(parent="licence", doc=licence)
    row.pop("signature")
    draft.write_all()
    draft.refused("CHAIN_NO_ROOT")


def test_two_grants_with_one_id(draft):
    draft.rules["grants"].append(dict(draft.row("grants", "G-S1")))
    draft.write("grants")
    draft.refused("REG_DUPLICATE_ID")


@pytest.mark.parametrize("field, value, code", [
    ("valid_from", UNTIL, "REG_WINDOW"),
    ("actions", ["api_call", "teleport"], "REG_BAD_VALUE"),
    ("regions", {"allow": ["ZZ"], "deny": []}, "REG_BAD_VALUE"),
    ("regions", {"allow": ["group:nowhere"], "deny": []}, "REG_UNKNOWN_REF"),
    ("client_types", ["wizard"], "REG_BAD_VALUE"),
    ("valid_until", "tomorrow", "REG_BAD_VALUE"),
    ("sublicense_depth", -1, "REG_BAD_VALUE"),
])
def test_a_field_that_cannot_be(draft, field, value, code):
    draft.row("grants", "G-S1")[field] = value
    draft.write("grants")
    draft.refused(code)


def test_more_objects_than_there_may_be(draft):
    rows = "".join(f"  - {{id: t{at}, name: review.x{at}, value: 1, valid_from: {FROM}, source: x}}\n"
                   for at in range(100_001))
    thresholds = draft.registry / "thresholds.yaml"
    kept = thresholds.read_text()
    thresholds.write_text(kept + rows)
    try:
        draft.refused("REG_LIMIT")
    finally:
        thresholds.write_text(kept)


def test_a_file_that_grows_while_it_is_read(draft):
    """Anchors that stand for one another: 2^30 texts, if they were followed."""
    lines = ["a0: &a0 [x, x]"] + [f"a{at}: &a{at} [*a{at - 1}, *a{at - 1}]" for at in range(1, 30)]
    file = draft.registry / "regions.yaml"
    kept = file.read_text()
    file.write_text("\n".join(lines) + "\n")
    try:
        said = draft.command("registry", "check", str(draft.registry), check=False)
        assert said.returncode == 1 and "regions.yaml" in said.stdout + said.stderr
        assert draft.command("registry", "apply", check=False).returncode == 1
    finally:
        file.write_text(kept)
