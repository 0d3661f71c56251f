"""The contract with the bureau: docs/mqtt as a judge of messages."""

import functools
import json
import pathlib
import re

import jsonschema

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "docs/mqtt"
TOPICS = {"alarm": r"emis/1/([^/]+)/([^/]+)/alarm", "state": r"emis/1/([^/]+)/([^/]+)/([^/]+)/state",
          "online": r"emis/1/([^/]+)/online", "checkpoint": r"emis/1/([^/]+)/checkpoint"}


@functools.cache
def validator(name):
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def complaint(topic, payload):
    """What is wrong with a message, or None."""
    name = topic.rsplit("/", 1)[-1]
    match = re.fullmatch(TOPICS.get(name, "(?!)"), topic)
    if not match:
        return f"{topic}: no topic of the contract"
    error = next(validator(name).iter_errors(payload), None)
    if error:
        return f"{topic}: {error.json_path}: {error.message}"
    about = [payload[key] for key in ("site", "outlet", "factor")[:len(match.groups())]]
    return None if about == list(match.groups()) else f"{topic}: the message is about {about}"
