"""How operations and components are called: `list_projects`, `get_project`; `Project`, `NewProject`, `ProjectPage`.

An operation is a verb and what it is done to, in one or in many; a component begins with the term that it is about.
"""

import re

from apps.common.resources.registry import viewsets


def pascal(text: str) -> str:
    """Return words as one name: `page_size` and `member-units` become `PageSize` and `MemberUnits`."""
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", text))


def snake(name: str) -> str:
    """Return a name as words: `MemberUnit` becomes `member_unit`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def operation_id(verb: str, resource: str) -> str:
    """Return the name of what is done to one record (`get`, `create`, …) or to many (`list`, `import`, `bulk_…`)."""
    if verb in ("list", "import") or verb.startswith("bulk_"):
        return f"{verb}_{resource.replace('-', '_')}"
    return f"{verb}_{snake(viewsets()[resource].queryset.model.__name__)}"


def subject_of(address: str) -> str:
    """Return the term that an address is about: the name of its model, or its own first word."""
    first = address.removeprefix("/api/v1/").partition("/")[0]
    viewset = viewsets().get(first)
    return viewset.queryset.model.__name__ if viewset else pascal(first.replace("{resource}", "record"))
