"""The description of the API: all that is served stands in it, and what is served is as it says."""

import json
import os
import re
import subprocess

import pytest

from test_clients import HERE, PYTHON, ROOT, house  # noqa: F401

DOCUMENT = json.loads((ROOT / "schema" / "openapi.json").read_text())
ROWS = re.findall(r'\{ STR_INIT\("(/[^"]*)"\), (true|false), HTTP1_(GET|POST|DELETE), (\w+) \}',
                  (ROOT / "src" / "front" / "router.c").read_text())
SECONDS = int(os.environ.get("EP_OPENAPI_SECONDS", "15"))


def test_each_path_of_the_router_stands_in_it():
    assert len(ROWS) > 15
    for path, prefix, method, serve in ROWS:
        ways = [path] + (["/api" + path] if path.startswith("/v1/") and serve != "router_gemini" else [])
        for way in ways:
            items = [item for name, item in DOCUMENT["paths"].items()
                     if (name.startswith(way + "{") or name.startswith(way) and "/log/" in way if prefix == "true" else name == way)]
            verbs = {verb for item in items for verb in item}
            assert method.lower() in verbs, f"{method} {way}"


def test_nothing_stands_in_it_that_is_not_served():
    for name, item in DOCUMENT["paths"].items():
        for method in item:
            plain = re.sub(r"^/api(?=/v1/)", "", name)
            assert any(method.upper() == row[2] and (plain.startswith(row[0]) if row[1] == "true" else plain == row[0])
                       for row in ROWS), f"{method} {name}"


def test_it_is_a_sound_document(house):  # noqa: F811
    status, headers, body = house.request("/openapi.json")
    assert status == 200 and headers["content-type"] == "application/json"
    assert body == (ROOT / "schema" / "openapi.json").read_bytes()
    tags = [tag["name"] for tag in DOCUMENT["tags"]]
    assert len(set(tags)) == len(tags)
    version = re.search(r"project\(entrepot VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    assert DOCUMENT["info"]["version"] == version
    names = [op["operationId"] for item in DOCUMENT["paths"].values() for op in item.values()]
    assert len(set(names)) == len(names)
    used = set(re.findall(r'"#/components/(\w+/[^"]+)"', json.dumps(DOCUMENT)))
    there = {f"{kind}/{name}" for kind, all_of_it in DOCUMENT["components"].items() if kind != "securitySchemes"
             for name in all_of_it}
    assert used == there


def narrowed(call):
    """The document with what is there: its paths then lead to answers, not only to refusals."""
    told = json.loads(json.dumps(DOCUMENT))
    for item in told["paths"].values():
        for op in item.values():
            if "parameters" in op:  # a deadline that has passed is a 504 by right
                op["parameters"] = [param for param in op["parameters"] if param["name"] != "x-request-deadline"]
            for param in op.get("parameters", []):
                if param["name"] == "id":
                    param["schema"] = {"type": "string", "enum": [call, "call_00000000000000000000000000"]}
                elif param["name"] == "model":
                    param["schema"] = {"type": "string", "enum": ["aurora-large", "none"]}
                elif param["name"] == "month":
                    param["schema"] = {"type": "string", "pattern": "^20[0-9]{2}-(0[1-9]|1[0-2])$"}
                elif param["name"] == "x-entrepot-market":
                    param["schema"] = {"type": "string", "enum": ["SG"]}
    for name in ("ChatRequest", "MessagesRequest", "MessagesCountRequest", "ResponsesRequest"):
        told["components"]["schemas"][name]["properties"]["model"] = {"enum": ["aurora-large"]}
    ask = told["components"]["schemas"]["ChatRequest"]["properties"]
    ask["messages"]["items"]["properties"] = {"role": {"enum": ["user"]}, "content": {"type": "string"}}
    ask["messages"]["items"]["required"] = ["role", "content"]
    return told


def test_answers_are_as_it_says(house):  # noqa: F811
    schemathesis = PYTHON.parent / "schemathesis"
    if not schemathesis.exists():
        pytest.skip("schemathesis is not installed")
    call = house.request("/v1/chat/completions", {"model": "aurora-large", "messages": [{"role": "user", "content": "x"}]})
    document = house.folder / "openapi.json"
    document.write_text(json.dumps(narrowed(call[1]["x-entrepot-call"])))
    done = subprocess.run(
        [str(schemathesis), "run", str(document), "--url", f"http://127.0.0.1:{house.public}", "-H", f"Authorization: Bearer {house.key}",
         "--max-time", str(SECONDS), "--workers", "1", "--seed", "1", "--no-color", "--generation-database", "none",
         "--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all", "--generation-with-security-parameters", "false", "--request-timeout", "30",
         "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,"
                     "response_headers_conformance,response_schema_conformance"],
        capture_output=True, text=True, timeout=SECONDS * 4 + 60, cwd=house.folder)
    assert call[0] == 200
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    cases = re.search(r"(\d+) generated", done.stdout)
    assert cases and int(cases.group(1)) > 100, done.stdout[-3000:]
