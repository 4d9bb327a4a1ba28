"""`make lint-deploy CRDS=<folder>`: validates manifests of operators' kinds against their CustomResourceDefinitions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import typer
import yaml

from tests.deploy.files import OF_OPERATORS, manifests


def strict(schema: Any) -> Any:
    """Make a schema refuse fields that it does not know, as the API server does with strict validation."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if made.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    if "properties" in made and not made.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made


def schemas(folder: Path) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yield the schemas of the definitions in a folder, by API version and kind."""
    for path in folder.glob("*.yaml"):
        for one in yaml.load_all(path.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if one is not None and one.get("kind") == "CustomResourceDefinition":
                spec = one["spec"]
                for version in spec["versions"]:
                    schema = strict(version["schema"]["openAPIV3Schema"])
                    schema["properties"]["metadata"] = {"type": "object"}
                    yield (f"{spec['group']}/{version['name']}", spec["names"]["kind"]), schema


def faults(folder: Path) -> Iterator[str]:
    """Yield what is wrong with each manifest."""
    known = dict(schemas(folder))
    for one in manifests():
        if one["kind"] not in OF_OPERATORS:
            continue
        schema = known.get((one["apiVersion"], one["kind"]))
        if schema is None:
            yield f"{one['kind']}: no definition of {one['apiVersion']} in the folder"
            continue
        for error in jsonschema.Draft202012Validator(schema).iter_errors(one):
            yield f"{one['kind']}: {'.'.join(map(str, error.path))}: {error.message[-200:]}"


if __name__ == "__main__":
    found = list(faults(Path(sys.argv[1])))
    typer.echo("\n".join(found))
    sys.exit(bool(found))
