"""Holds every answer against the model the vendor's SDK reads it into: nothing may be lost on the way.

An answer is lost in part where a field is none of the model's, has another type, or has a value the model's
enumeration does not name (the SDK replaces such a value by `outdated_sdk_version` and says nothing).
"""

import ast
import functools
import inspect
import json
import re
import uuid
from datetime import datetime

from PureCloudPlatformClientV2 import ApiClient, models
from PureCloudPlatformClientV2.rest import ApiException

# Platform contract B.2.
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z")
# Platform contract B.1 and B.5.
LIMIT_HEADERS = ("inin-ratelimit-count", "inin-ratelimit-allowed", "inin-ratelimit-reset")
MODEL = re.compile(r"list\[(?P<item>.*)\]|dict\([^,]*, (?P<value>.*)\)")


@functools.cache
def allowed_values(model, attribute):
    """The values an attribute's setter lets through, or None where it is free."""
    source = inspect.getsource(getattr(model, attribute).fset)
    found = re.search(r"allowed_values = (\[.*?\])", source, re.DOTALL)
    return ast.literal_eval(found.group(1)) if found else None


def losses(raw, kind, kept, at="$"):
    """What of `raw`, a JSON value, is not in `kept`, which the SDK made of it as a `kind`."""
    if raw is None or kind == "object":
        return
    nested = MODEL.fullmatch(kind)
    if nested and nested["item"]:
        if not isinstance(raw, list):
            yield f"{at}: no array"
            return
        for item, value in zip(raw, kept):
            yield from losses(item, nested["item"], value, f"{at}[]")
    elif nested:
        if not isinstance(raw, dict):
            yield f"{at}: no object"
            return
        for name, item in raw.items():
            yield from losses(item, nested["value"], kept[name], f"{at}.*")
    elif kind in ("str", "bool", "int", "float", "date", "datetime"):
        yield from primitive_losses(raw, kind, kept, at)
    else:
        yield from model_losses(raw, kind, kept, at)


def primitive_losses(raw, kind, kept, at):
    """A value of no model: of the right type, and kept as it was."""
    fits = {
        "str": lambda: isinstance(raw, str) and kept == raw,
        "bool": lambda: isinstance(raw, bool) and kept == raw,
        "int": lambda: isinstance(raw, int) and not isinstance(raw, bool) and kept == raw,
        "float": lambda: isinstance(raw, (int, float)) and not isinstance(raw, bool) and kept == raw,
        "date": lambda: isinstance(raw, str),
        "datetime": lambda: isinstance(raw, str) and bool(INSTANT.fullmatch(raw)) and isinstance(kept, datetime),
    }
    if not fits[kind]():
        yield f"{at}: no {kind}: {json.dumps(raw)[:60]}"


def model_losses(raw, kind, kept, at):
    """An object: every field is one of the model's, and its value is kept."""
    model = getattr(models, kind)
    if not isinstance(raw, dict):
        yield f"{at}: no object ({kind})"
        return
    attributes = {name: attribute for attribute, name in kept.attribute_map.items()}
    for name, item in raw.items():
        attribute = attributes.get(name)
        if attribute is None:
            yield f"{at}.{name}: {kind} has no such field"
            continue
        allowed = allowed_values(model, attribute)
        if allowed is not None and item is not None:
            for value in item if isinstance(item, list) else [item]:
                if value not in allowed:
                    yield f"{at}.{name}: {json.dumps(value)} is none of {kind}'s values"
        elif item is not None:
            yield from losses(item, kept.swagger_types[attribute], getattr(kept, attribute), f"{at}.{name}")


class WatchedClient(ApiClient):
    """The SDK's client, which also remembers what was asked and what got lost of the last answer."""

    def __init__(self):
        super().__init__()
        self.operation = self.model = ""
        self.lost = []

    def call_api(self, resource_path, method, *arguments, **options):
        self.operation = f"{method} {resource_path}"
        self.model = options.get("response_type") or ""
        self.lost = []
        self.last_response = None
        return super().call_api(resource_path, method, *arguments, **options)

    def deserialize(self, response, response_type):
        kept = super().deserialize(response, response_type)
        if response.data:
            self.lost = self.lost_of(response.data, response_type, kept)
        return kept

    def lost_of(self, text, kind, kept):
        """What of an answer's text is not in what was made of it."""
        if kind == "str":
            # A string answer may come as JSON or as plain text: the SDK hands both on.
            return []
        try:
            raw = json.loads(text)
        except ValueError:
            return [f"$: no JSON: {text[:60]!r}"]
        return sorted(set(losses(raw, kind, kept)))

    def of(self, kind, value):
        """A model made of JSON as the contract writes it. A field that the model lacks is a mistake of the scenario."""
        made = self._ApiClient__deserialize(value, kind)
        wrong = [line for line in losses(value, kind, made) if "no datetime" not in line]
        if wrong:
            raise ValueError(f"{kind}: {wrong}")
        return made


def header_faults(headers, throttled):
    """What an answer's header lacks: the correlation id, and the state of the rate limit."""
    known = {name.lower(): value for name, value in headers.items()}
    try:
        uuid.UUID(known.get("inin-correlation-id", ""))
    except ValueError:
        yield "ININ-Correlation-Id: no UUID"
    for name in LIMIT_HEADERS if throttled else ():
        if not known.get(name, "").isdigit():
            yield f"{name}: no number"


class Protocol:
    """Calls operations and says of each, one JSON object a line, how it went."""

    def __init__(self, client, sdk, write):
        self.client, self.sdk, self.write = client, sdk, write
        self.job = ""

    def call(self, function, *arguments, expect=(200,), throttled=True, **options):
        """Calls one operation. Its answer, or None where it failed, as is then told."""
        client = self.client
        client.operation = client.model = ""
        client.lost, answer = [], None
        try:
            answer = function(*arguments, **options)
            response = client.last_response
            status, headers, lost = response.status, response.getheaders(), list(client.lost)
        except ApiException as error:
            status, headers = error.status, error.headers or {}
            lost = self.lost_of_error(error) if client.operation else [str(error)]
        except Exception as error:  # What breaks inside the SDK is a finding, not the end of the scenario.
            self.tell(client.operation or getattr(function, "__name__", "?"), 0, [f"{type(error).__name__}: {error}"])
            return None
        if status not in expect:
            lost.append(f"status {status}, expected {' or '.join(map(str, expect))}")
        lost += header_faults(headers, throttled)
        self.tell(client.operation, status, lost)
        return answer

    def lost_of_error(self, error):
        """An error's body is the published one, and names the correlation id (platform contract B.3)."""
        self.client.model = "ErrorBody"
        try:
            body = json.loads(error.body or "")
        except ValueError:
            return [f"$: an error without a JSON body: {(error.body or '')[:60]!r}"]
        lost = sorted(set(losses(body, "ErrorBody", self.client._ApiClient__deserialize(body, "ErrorBody"))))
        lost += [f"$.{name}: missing" for name in ("message", "code", "status", "contextId") if not body.get(name)]
        if body.get("contextId") != error.headers.get("ININ-Correlation-Id"):
            lost.append("$.contextId: another than the ININ-Correlation-Id")
        if body.get("status") != error.status:
            lost.append("$.status: another than the answer's")
        return lost

    def tell(self, operation, status, lost):
        model = self.client.model
        said = {"sdk": self.sdk, "job": self.job, "operation": operation, "status": status, "model": model}
        self.write(said | {"lost": lost})

    def check(self, what, holds, detail=""):
        """Something that must be so beside the shape of an answer."""
        self.client.model = ""
        self.tell(what, 0, [] if holds else [f"does not hold {detail}".strip()])
        return holds
