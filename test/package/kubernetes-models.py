# Holds manifests (a JSON list on standard input) to the models of the official Python client, which Kubernetes generates from
# its own OpenAPI document: no other keys, each value of its type, what is required is there. Prints one line a finding.
import json
import sys

from kubernetes import client

PRIMITIVE = {"str": str, "datetime": str, "int": int, "float": (int, float), "bool": bool}


def look(value, kind, path):
    if kind == "object":
        return []
    if kind in PRIMITIVE:
        fits = isinstance(value, PRIMITIVE[kind]) and (kind == "bool" or not isinstance(value, bool))
        return [] if fits else [f"{path}: {json.dumps(value)} is not {kind}"]
    if kind.startswith("list["):
        if not isinstance(value, list):
            return [f"{path}: is not a list"]
        return [f for i, item in enumerate(value) for f in look(item, kind[5:-1], f"{path}[{i}]")]
    if not isinstance(value, dict):
        return [f"{path}: is not a mapping"]
    if kind.startswith("dict("):
        inner = kind[5:-1].split(", ", 1)[1]
        return [f for key, item in value.items() for f in look(item, inner, f"{path}.{key}")]
    return model(value, getattr(client, kind), path)


def model(value, cls, path):
    names = {there: here for here, there in cls.attribute_map.items()}
    findings = []
    known = {}
    for key, item in value.items():
        if key not in names:
            findings.append(f"{path}.{key}: {cls.__name__} has no such key")
            continue
        known[names[key]] = item
        findings += look(item, cls.openapi_types[names[key]], f"{path}.{key}")
    try:
        cls(**known)
    except ValueError as error:
        findings.append(f"{path}: {error}")
    return findings


for document in json.load(sys.stdin):
    kind = document["kind"]
    version = document["apiVersion"].split("/")[-1]
    cls = getattr(client, version.capitalize() + kind, None)
    if cls is None:
        print(f"{kind}: {document['apiVersion']} has no such kind")
        continue
    for finding in model(document, cls, kind):
        print(finding)
