"""Embeddings and images, made, changed and varied, by the official OpenAI SDKs, unchanged but for their base URL."""

import base64
import io
import os
import pathlib
import shutil
import subprocess

import pytest

from services_house import Services

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = ROOT / "build" / "node" / "node_modules"
NODE = """
import OpenAI, { toFile } from "openai";
const client = new OpenAI({ baseURL: process.env.EP_BASE, apiKey: process.env.EP_KEY, maxRetries: 0 });
const check = (fine, what) => { if (!fine) { throw new Error(what); } };
for (const format of [undefined, "float"]) { // without one the SDK asks for base64, and decodes
  const told = await client.embeddings.create({ model: "aurora-small", input: ["a river", "a road"], encoding_format: format });
  const [one, other] = told.data.map((item) => item.embedding);
  check(Array.isArray(one) && one.length === 64 && Math.abs(one.reduce((sum, x) => sum + x * x, 0) - 1) < 1e-5, "vectors");
  check(one.some((x, i) => x !== other[i]) && told.usage.total_tokens > 0, "two of them, and their tokens");
}
const made = await client.images.generate({ model: "aurora-small", prompt: "a fox", n: 2, size: "1024x1024" });
check(made.data.length === 2 && Buffer.from(made.data[0].b64_json, "base64").subarray(1, 4).toString() === "PNG", "pictures");
const types = [];
for await (const event of await client.images.generate({ model: "aurora-small", prompt: "a fox", stream: true, partial_images: 2 })) {
  types.push(event.type);
}
check(types.join() === "image_generation.partial_image,image_generation.partial_image,image_generation.completed", types.join());
const file = async (name) => toFile(Buffer.from(made.data[0].b64_json, "base64"), name, { type: "image/png" });
const ask = { model: "aurora-small", prompt: "a fox at night", size: "1024x1024" };
const edited = await client.images.edit({ ...ask, image: [await file("a.png"), await file("b.png")], mask: await file("m.png"), n: 2 });
check(edited.data.length === 2 && edited.usage.input_tokens_details.image_tokens === 3 * 194, JSON.stringify(edited.usage));
const steps = [];
for await (const event of await client.images.edit({ ...ask, image: await file("a.png"), stream: true, partial_images: 1 })) {
  steps.push(event.type);
}
check(steps.join() === "image_edit.partial_image,image_edit.completed", steps.join());
const varied = await client.images.createVariation({ model: "aurora-small", image: await file("a.png"), n: 3 });
check(varied.data.length === 3, "variations");
try {
  await client.images.edit({ ...ask, image: await toFile(Buffer.from("this is no picture"), "a.png") });
  check(false, "a text is no picture");
} catch (error) {
  check(error instanceof OpenAI.BadRequestError && error.param === "image", String(error));
}
try {
  await client.embeddings.create({ model: "aurora-large", input: "a" });
  check(false, "aurora-large has no vectors");
} catch (error) {
  check(error instanceof OpenAI.BadRequestError && error.code === "model_not_supported" && error.param === "model", String(error));
}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Services(tmp_path_factory.mktemp("sdk") / "demo")
    made.upstreams_are()
    made.start()
    yield made
    made.stop()
    assert made.command("audit").returncode == 0


@pytest.fixture(scope="module")
def client(shop):
    openai = pytest.importorskip("openai", reason="the openai package is not installed")
    return openai.OpenAI(base_url=shop.base, api_key=shop.key, max_retries=0, timeout=30)


@pytest.mark.parametrize("more", [{}, {"encoding_format": "float"}, {"dimensions": 8}])
def test_python_reads_vectors(client, more):
    told = client.embeddings.create(model="aurora-small", input=["a river", "a road"], **more)
    assert [len(item.embedding) for item in told.data] == [more.get("dimensions", 64)] * 2
    assert abs(sum(x * x for x in told.data[0].embedding) - 1) < 1e-5 and told.usage.total_tokens == 4


def test_python_reads_vectors_of_token_ids(client):
    assert client.embeddings.create(model="aurora-small", input=[[1, 2], [3]]).usage.prompt_tokens == 3


def test_python_reads_pictures_and_their_stream(client):
    made = client.images.generate(model="aurora-small", prompt="a fox", n=2, size="1024x1024", quality="low")
    assert [base64.b64decode(item.b64_json)[1:4] for item in made.data] == [b"PNG"] * 2
    events = list(client.images.generate(model="aurora-small", prompt="a fox", stream=True, partial_images=1))
    assert [event.type for event in events] == ["image_generation.partial_image", "image_generation.completed"]
    assert events[-1].usage.output_tokens > 0


def test_python_changes_and_varies_pictures(client):
    import openai
    made = client.images.generate(model="aurora-small", prompt="a fox", size="1024x1024", quality="low")
    png = base64.b64decode(made.data[0].b64_json)
    ask = {"model": "aurora-small", "prompt": "the fox at night", "size": "1024x1024", "quality": "low"}
    told = client.images.edit(image=("fox.png", png), n=2, input_fidelity="high", **ask)
    assert len(told.data) == 2 and told.usage.input_tokens_details.image_tokens == 194
    told = client.images.edit(image=[("a.png", png), io.BytesIO(png)], mask=png, background="opaque", **ask)
    assert base64.b64decode(told.data[0].b64_json)[1:4] == b"PNG" and told.usage.input_tokens_details.image_tokens == 3 * 194
    events = list(client.images.edit(image=png, stream=True, partial_images=1, **ask))
    assert [event.type for event in events] == ["image_edit.partial_image", "image_edit.completed"]
    assert events[-1].usage.input_tokens_details.image_tokens == 194
    told = client.images.create_variation(model="aurora-small", image=png, n=2, response_format="url")
    assert len(told.data) == 2 and told.data[0].url
    with pytest.raises(openai.BadRequestError) as raised:
        client.images.edit(image=("fox.png", b"this is no picture"), **ask)
    assert raised.value.param == "image"


def test_python_raises_what_breaks_off(shop, client):
    import openai
    shop.upstreams_are("--cut-after", "1")
    with pytest.raises(openai.APIError):
        list(client.images.generate(model="aurora-small", prompt="a fox", stream=True, partial_images=2))
    shop.upstreams_are()
    with pytest.raises(openai.BadRequestError) as raised:
        client.embeddings.create(model="aurora-small", input="")
    assert raised.value.param == "input"


def test_with_node(shop, tmp_path):
    if shutil.which("node") is None or not (MODULES / "openai").exists():
        pytest.skip("node or its openai package is not installed")
    script = tmp_path / "services.mjs"
    script.write_text(NODE)
    (tmp_path / "node_modules").symlink_to(MODULES)
    done = subprocess.run(["node", str(script)], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "EP_BASE": shop.base, "EP_KEY": shop.key})
    assert done.returncode == 0, done.stdout + done.stderr
