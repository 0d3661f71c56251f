"""Checks the examples of docs/mqtt.md against the schemas, and that the schemas refuse wrong messages."""

import json
import re

import pytest
import yaml

from tests.support.contract import SCHEMAS, TOPICS, complaint, validator
from tests.support.rig import ROOT

MANUAL = (ROOT / "docs/mqtt.md").read_text()
ALARM = json.loads(re.search(r"```json\n(.*?)```", MANUAL, re.S).group(1))
TOPIC = "emis/1/anyang-steel-01/DA001/alarm"


def test_the_example_of_the_manual_is_valid():
    assert complaint(TOPIC, ALARM) is None


@pytest.mark.parametrize("rule,change", [
    ("an exceedance has a value", {"value": None}),
    ("an exceedance has a limit", {"limit": None}),
    ("a condition has no limit", {"class": "condition", "rule": "no-data", "value": None}),
    ("an exceedance is of a period mean", {"rule": "minutes-beyond"}),
    ("numbers start at 1", {"seq": 0}),
    ("flags are one letter of eight", {"counts": {"X": 1}}),
    ("a time has an offset", {"at": "2026-03-02T09:00:00"}),
    ("an unknown event", {"event": "maybe"}),
    ("a schema of another version", {"schema": 2}),
], ids=lambda value: value if isinstance(value, str) else "")
def test_the_schema_refuses(rule, change):
    assert complaint(TOPIC, {**ALARM, **change}), rule


def test_unknown_fields_are_allowed_by_contract():
    assert complaint(TOPIC, {**ALARM, "later": 1}) is None


def test_every_field_of_the_example_is_described():
    schema = json.loads((ROOT / "docs/mqtt/alarm.schema.json").read_text())
    assert set(ALARM) == set(schema["required"]) == set(schema["properties"])


def test_a_message_is_about_its_topic():
    assert complaint("emis/1/anyang-steel-01/DA002/alarm", ALARM)
    assert complaint("emis/1/anyang-steel-01/DA001/so2/alarm", ALARM)


def test_the_asyncapi_file_says_the_same_as_the_contract():
    api = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text())
    sample = {"site": "s-1", "outlet": "DA001", "factor": "so2", "period": "hour"}
    schemas = set()
    for channel, what in api["channels"].items():
        message = (what.get("subscribe") or what["publish"])["message"]
        topic = channel.format(**sample)
        expected = next(name for pattern, name in TOPICS if pattern.fullmatch(topic))
        assert message["payload"]["$ref"] == f"{expected}.schema.json", channel
        assert set(what["parameters"]) == set(re.findall(r"{(\w+)}", channel)), channel
        retained = "retained, replaced" if expected == "health" else "retained"
        described = validator(expected).schema["description"]
        operation = what.get("subscribe") or what["publish"]
        assert operation["bindings"]["mqtt"]["retain"] == ("not retained" not in described and retained in described), channel
        schemas.add(expected)
    assert schemas == {path.name.split(".")[0] for path in SCHEMAS.glob("*.schema.json")}


def test_what_the_bureau_may_ask_stands_in_the_schema():
    assert complaint("emis/1/s/resend", {"from": 12, "to": 40, "stream": "alarm", "id": "desk-7"}) is None
    assert complaint("emis/1/s/resend", {"from": 12})
    assert complaint("emis/1/s/resend", {"from": 1, "to": 2, "id": "a/b"})
