"""Who imports whom among the files of src/: proves the order of the engine's floors and of the face's rooms, and that
there is no circle among files.

imports.py            fails, and says why, if a rule is broken
imports.py --figures  also prints what the picture looks like: circles, files in them, lengths of files

An edge is a path in the code of a file (not in comments, strings, or what only tests compile) that leads to an item of
another file; what a module re-exports belongs to the file that defines it.
"""

import os
import re
import sys
from pathlib import Path

ROOT = Path(os.environ.get("SRC") or Path(__file__).resolve().parent.parent / "src")

# Each imports only from those before it; those of one line know nothing of each other.
FLOORS = [["error"], ["abandon"], ["privacy"], ["table"], ["marginals", "nn", "quality"], ["models"], ["artifact"], ["job"]]
ROOMS = [["errors"], ["server"], ["values"], ["relation"], ["store"], ["model"], ["functions"]]


def without_comments_and_strings(text):
    """The code alone: everything else becomes spaces, lines stay."""
    pattern = re.compile(
        r"//[^\n]*|/\*.*?\*/|b?r#\"(?:.|\n)*?\"#|b?\"(?:\\.|[^\"\\])*\"|b?'(?:\\[^u]|\\u\{\w+\}|[^'\\])'", re.S
    )
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def without_tests(code):
    """Drops items under #[cfg(test)] and the like, a whole block or up to the semicolon."""
    mark = re.compile(r"#\[cfg\([^\]]*\btest\b[^\]]*\)\]\s*")
    while found := mark.search(code):
        depth, at = 0, found.end()
        while at < len(code):
            c = code[at]
            if c == "{":
                depth += 1
            elif c == "}":
                depth -= 1
                if depth == 0:
                    break
            elif c == ";" and depth == 0:
                break
            at += 1
        code = code[: found.start()] + " " + code[at + 1 :]
    return code


def trees(text):
    """The paths of a use tree: 'a::{b, c::d as e}' gives ([a, b], b), ([a, c, d], e)."""
    text = text.strip()
    opened = text.find("{")
    if opened < 0:
        path, _, alias = text.partition(" as ")
        parts = [part.strip() for part in path.split("::")]
        if parts[-1] == "self" and len(parts) > 1:
            parts.pop()
        yield [] if parts == ["self"] else parts, (alias.strip() or parts[-1])
        return
    prefix = [part.strip() for part in text[:opened].rstrip(": \n").split("::") if part.strip()]
    depth, start, inside = 0, 0, text[opened + 1 : text.rindex("}")]
    for i, c in enumerate(inside + ","):
        depth += (c == "{") - (c == "}")
        if c == "," and depth == 0:
            if inside[start:i].strip():
                for parts, name in trees(inside[start:i]):
                    if parts:
                        yield prefix + parts, name
                    else:
                        yield prefix, prefix[-1]
            start = i + 1


class Module:
    def __init__(self, path, file):
        self.path, self.file = path, file
        self.code = without_tests(without_comments_and_strings(file.read_text()))
        self.children = set(re.findall(r"\bmod (\w+);", self.code))
        self.uses, self.exports = [], {}
        for public, tree in re.findall(r"(?:^|\n)\s*(pub(?:\([^)]*\))? )?use ([^;]+);", self.code):
            for parts, name in trees(tree):
                self.uses.append(parts)
                if public:
                    self.exports[name] = parts
        rest = re.sub(r"(?:^|\n)\s*(?:pub(?:\([^)]*\))? )?use [^;]+;", "\n", self.code)
        self.paths = [re.split(r"\s*::\s*", p) for p in re.findall(r"(?<![\w:.$])[a-z_]\w*(?:\s*::\s*\w+)+", rest)]


def load():
    modules = {}

    def walk(path, file):
        module = modules[path] = Module(path, file)
        folder = file.parent if file.name in ("mod.rs", "lib.rs") else file.with_suffix("")
        for child in sorted(module.children):
            for candidate in (folder / f"{child}.rs", folder / child / "mod.rs"):
                if candidate.exists():
                    walk(path + (child,), candidate)

    walk((), ROOT / "lib.rs")
    return modules


def absolute(modules, module, parts):
    """A path from the crate's root, or None if it leads elsewhere."""
    here, parts = module.path, list(parts)
    if parts[0] == "crate":
        return parts[1:]
    if parts[0] in ("self", "super"):
        at = list(here)
        while parts and parts[0] in ("self", "super"):
            if parts.pop(0) == "super":
                at.pop()
        return at + parts
    if parts[0] in module.children:
        return list(here) + parts
    return None


def target(modules, parts, depth=0):
    """The module that defines what an absolute path names."""
    path = tuple(parts)
    at = 0
    while at < len(path) and path[: at + 1] in modules:
        at += 1
    module, rest = modules[path[:at]], path[at:]
    if rest and rest[0] in module.exports and depth < 8:
        onward = absolute(modules, module, module.exports[rest[0]])
        if onward is not None:
            return target(modules, onward + list(rest[1:]), depth + 1)
    return module


def edges(modules):
    found = {}
    for module in modules.values():
        out = found.setdefault(module.path, set())
        for parts in module.uses + module.paths:
            onward = absolute(modules, module, parts)
            if onward is None or not onward:
                continue
            to = target(modules, onward)
            # A module that lists its children or re-exports their items needs nothing of them.
            exported = any(parts == p for p in module.exports.values())
            if to.path != module.path and not exported:
                out.add(to.path)
    return found


def circles(graph):
    """Strongly connected components of more than one file (Tarjan's algorithm)."""
    index, low, stack, on, result, counter = {}, {}, [], set(), [], [0]

    def visit(v):
        index[v] = low[v] = counter[0]
        counter[0] += 1
        stack.append(v)
        on.add(v)
        for w in graph[v]:
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in on:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            component = []
            while True:
                w = stack.pop()
                on.discard(w)
                component.append(w)
                if w == v:
                    break
            if len(component) > 1:
                result.append(sorted(component))

    sys.setrecursionlimit(10_000)
    for v in graph:
        if v not in index:
            visit(v)
    return result


def order_broken(graph, wing, order):
    """Imports within a wing that go up, or sideways between parts of one line."""
    place = {part: i for i, line in enumerate(order) for part in line}
    for source, targets in sorted(graph.items()):
        if source[:1] != (wing,) or len(source) < 2:
            continue
        if source[1] not in place:
            yield f"{'::'.join(source)} belongs to no part of {wing} that has a place in the order"
            continue
        for to in sorted(targets):
            if to[:1] != (wing,) or len(to) < 2 or to[1] == source[1]:
                continue
            if place.get(to[1], len(order)) >= place[source[1]]:
                yield f"{'::'.join(source)} imports from {'::'.join(to)}, which does not come before it"


def problems(modules, graph):
    for source, targets in sorted(graph.items()):
        if source[:1] == ("engine",) and any(to[:1] == ("pg",) for to in targets):
            yield f"{'::'.join(source)} knows of the face"
    yield from order_broken(graph, "engine", FLOORS)
    yield from order_broken(graph, "pg", ROOMS)
    for circle in circles(graph):
        yield "a circle: " + ", ".join("::".join(path) or "crate" for path in circle)


def figures(modules, graph):
    lengths = sorted(len(module.file.read_text().splitlines()) for module in modules.values())
    found = circles(graph)
    print(f"files {len(lengths)}, longest {lengths[-1]} lines, p90 {lengths[int(0.9 * len(lengths))]}")
    print(f"circles {len(found)}, files in them {sum(map(len, found))}, largest {max(map(len, found), default=0)}")


def main():
    modules = load()
    graph = edges(modules)
    if "--figures" in sys.argv:
        figures(modules, graph)
    broken = list(problems(modules, graph))
    for problem in broken:
        print(problem)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
