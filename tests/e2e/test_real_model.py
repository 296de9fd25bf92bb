"""A real language model, on this machine's CPU, sold through Entrepot."""

import pathlib
import shutil
import subprocess

import pytest

from conftest import House, free_port, port_open, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
openai = pytest.importorskip("openai", reason="the openai package is not installed")

if shutil.which("node") is None or not (ROOT / "share/models/node_modules").exists():
    pytest.skip("the demo model is not set up: make demo-model", allow_module_level=True)

MODEL = """
  - id: gemma-3-270m
    vendor: aurora
    origin: US
    version: "3"
    declared_names: [gemma-3-270m]
    modalities: [text]
    context_tokens: 1024
    output_tokens_max: 256
"""
ROUTE = """
  - id: gemma-here
    upstream_party: aurora
    model: gemma-3-270m
    credential: aurora-contract
    dialect: openai_chat
    endpoint: http://127.0.0.1:%d/v1
    upstream_model: gemma-3-270m
    place: US
    abort_billing: stops
    output_cap_field: max_tokens
    contract_price: aurora-contract-2026
    data_terms: dt.aurora
"""
PRICE = '      gemma-3-270m: {input: "0.02", cached_input: "0.01", output: "0.04", reasoning: "0.04"}\n'


@pytest.fixture(scope="module")
def gemma(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("gemma") / "demo")
    port = free_port()
    registry = house.folder / "registry"
    for name, text in (("models", MODEL), ("routes", ROUTE % port)):
        path = registry / f"{name}.yaml"
        path.write_text(path.read_text() + text)
    books = registry / "price_books.yaml"
    books.write_text(books.read_text().replace("    lines:\n", "    lines:\n" + PRICE))
    products = registry / "products.yaml"
    products.write_text(products.read_text().replace("models: [", "models: [gemma-3-270m, "))
    grants = registry / "grants.yaml"
    grants.write_text(grants.read_text().replace("models: [aurora-large, ", "models: [aurora-large, gemma-3-270m, "))
    house.command("registry", "sign-grant", str(registry), "--grant", "g.aurora-operator", "--key-id", "k.aurora.2026",
                  "--key", str(house.folder / "keys" / "k.aurora.2026.key"))
    house.apply()
    process = subprocess.Popen([str(ROOT / "tools/demo_model"), "run", str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: port_open(port), "the model's listener", 60)
        house.start()
        yield house
    finally:
        process.terminate()
        process.wait(timeout=20)
        house.stop()


def test_a_real_model_is_asked_and_paid_for(gemma):
    client = openai.OpenAI(base_url=gemma.base, api_key=gemma.key, max_retries=0, timeout=120)
    stream = client.chat.completions.create(
        model="gemma-3-270m", stream=True, max_tokens=16, stream_options={"include_usage": True}, temperature=0,
        messages=[{"role": "user", "content": "The capital of France is Paris. The capital of Italy is"}])
    text, usage = "", None
    for chunk in stream:
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        usage = chunk.usage or usage
    assert "Rome" in text
    assert usage.completion_tokens == 16
    charge = usage.prompt_tokens * 0.02e-6 + usage.completion_tokens * 0.04e-6
    assert abs(float(gemma.credits()["total_usage"]) - charge) < 1e-9
    assert gemma.command("audit").returncode == 0
