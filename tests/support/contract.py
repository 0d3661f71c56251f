"""The contract with the bureau: checks messages against the schemas in docs/mqtt."""

import functools
import json
import pathlib
import re

import jsonschema

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "docs/mqtt"
# The first pattern that matches a topic counts. Its named groups are fields of the message.
SITE = "emis/1/(?P<site>[^/]+)/"
TOPICS = [(re.compile(SITE + pattern), schema) for pattern, schema in (
    ("gateway/alarm", "gateway-alarm"),
    ("(?P<outlet>[^/]+)/alarm", "alarm"),
    ("(?P<outlet>[^/]+)/(?P<factor>[^/]+)/state", "state"),
    ("(?P<outlet>[^/]+)/mean/(?P<kind>minute|hour|day)", "mean"),
    ("online", "online"),
    ("health", "health"),
    ("checkpoint", "checkpoint"),
    ("resend/reply(/.+)?", "resend-reply"),
    ("resend", "resend"),
)]


def kind_of(topic):
    """The name of the schema for the messages of a topic, or None when the contract does not know the topic."""
    return next((name for pattern, name in TOPICS if pattern.fullmatch(topic)), None)


@functools.cache
def validator(name):
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def complaint(topic, payload):
    """A text that says what is wrong with a message, or None."""
    match, name = next(((m, name) for pattern, name in TOPICS if (m := pattern.fullmatch(topic))), (None, None))
    if not match:
        return f"{topic}: no topic of the contract"
    error = next(validator(name).iter_errors(payload), None)
    if error:
        return f"{topic}: {error.json_path}: {error.message}"
    if name == "resend":
        return None  # a message to a gateway names the gateway in the topic only
    about = {**payload, "kind": payload["period"]["kind"]} if name == "mean" else payload
    wrong = [key for key, value in match.groupdict().items() if about[key] != value]
    return f"{topic}: the message has another {wrong[0]}" if wrong else None
