"""The receipts of cases.py as files, and the House of the scenarios."""

import importlib.util
import json
import os
import pathlib
import sys

import pytest

import cases

ROOT = pathlib.Path(__file__).resolve().parents[2]


def scenario_house():
    """tests/e2e's module, by another name: two conftest.py cannot be told apart by theirs."""
    spec = importlib.util.spec_from_file_location("house", ROOT / "tests/e2e/conftest.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["house"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def case_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases")
    index = {}
    for case in cases.all_cases():
        case.write(folder / case.name)
        index[case.name] = {"outcomes": case.outcomes, "good": case.good}
    (folder / "cases.json").write_text(json.dumps({"key": cases.LOG_KEY.vkey, "cases": index}))
    return folder
