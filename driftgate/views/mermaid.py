"""A pipeline's graph in the language of mermaid, which GitHub and many wikis draw."""

from __future__ import annotations

import re
from collections.abc import Iterator

from driftgate.errors import printable
from driftgate.views.graph import Edge, Graph, Node

_PLAIN = re.compile(r"[A-Za-z]\w*", re.ASCII)
_RESERVED = {"call", "class", "click", "default", "direction", "end", "flowchart", "graph", "href", "style", "subgraph"}


def mermaid(graph: Graph) -> str:
    """Return ``graph`` from left to right; a task that decides is a diamond, with its bands on the way out."""
    names = {node.name: _identifier(node.name, number) for number, node in enumerate(graph.nodes, 1)}
    deciding = {edge.before for edge in graph.edges if edge.routes}
    lines = ["graph LR", *_nodes(graph, "", names, deciding, "    ")]
    lines += [f"    {names[edge.before]} {_arrow(edge, graph)} {names[edge.after]}" for edge in graph.edges]
    return "\n".join(lines) + "\n"


def _nodes(graph: Graph, parent: str, names: dict[str, str], deciding: set[str], indent: str) -> Iterator[str]:
    for node in graph.inside(parent):
        if node.is_group:
            yield f"{indent}subgraph {names[node.name]} [{_quoted(node.label)}]"
            yield from _nodes(graph, node.name, names, deciding, indent + "    ")
            yield f"{indent}end"
        else:
            yield f"{indent}{names[node.name]}{_shape(node, names[node.name], node.name in deciding)}"


def _shape(node: Node, identifier: str, decides: bool) -> str:
    text = node.label + (f"<br/>{node.note}" if node.note else "")
    if decides:
        return "{" + _quoted(text) + "}"
    return "" if text == identifier else f"[{_quoted(text)}]"


def _arrow(edge: Edge, graph: Graph) -> str:
    labels = [f"{name}: {graph.bounds[name]}" if name in graph.bounds else name for name in edge.routes]
    return f"-->|{_quoted('<br/>'.join(labels))}|" if labels else "-->"


def _identifier(name: str, number: int) -> str:
    return name if _PLAIN.fullmatch(name) and name.lower() not in _RESERVED else f"node{number}_"


def _quoted(text: str) -> str:
    shown = printable(text).replace("#", "#35;").replace('"', "#quot;")
    return '"' + re.sub(r"<(?!br/>)", "#lt;", shown) + '"'
