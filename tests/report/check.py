#!/usr/bin/env python3
"""Checks the pages that run.sh made: check.py BROWSER DIRECTORY COLUMNS, the latter with commas between them."""

import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import zlib
from html.parser import HTMLParser
from pathlib import Path

BROWSER, PAGES, COLUMNS = sys.argv[1], Path(sys.argv[2]).resolve(), sys.argv[3].split(",")
KEYS = {"id"}
DARK = "--blink-settings=preferredColorScheme=0"
CONSOLE = ":CONSOLE"
SVG = "http://www.w3.org/2000/svg"


class Elements(HTMLParser):
    """Every element with its attributes, and the text of headings and of style sheets."""

    def __init__(self, page):
        super().__init__()
        self.found, self.headings, self.styles, self.inside = [], [], [], None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.inside = tag

    def handle_data(self, data):
        if self.inside in ("h1", "h2", "h3"):
            self.headings.append(data)
        if self.inside == "style":
            self.styles.append(data)

    def handle_endtag(self, tag):
        self.inside = None

    def count(self, tag):
        return sum(1 for found, _ in self.found if found == tag)


def browse(page, *options):
    """What the browser prints of a page, what it logs, and the addresses that it asks for."""
    with tempfile.TemporaryDirectory() as profile:
        log = Path(profile) / "net.json"
        sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
        fixed = ["--headless", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking", "--no-first-run",
                 "--enable-logging=stderr", f"--user-data-dir={profile}", f"--log-net-log={log}"]
        done = subprocess.run([BROWSER, *sandbox, *fixed, *options, page.as_uri()], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        asked = set(asked_for(log.read_text(encoding="utf-8")))
    return done.stdout, done.stderr, asked


def asked_for(log):
    """The addresses that a page asked for; what the browser asks for by itself has no page as its origin."""
    for line in log.splitlines():
        if '"initiator":' in line:
            request = json.loads(line.strip().removesuffix("]}").rstrip(","))["params"]
            if request["initiator"] != "not an origin" and not request["url"].startswith("file:"):
                yield request["url"]


def corner(picture):
    """Width, height and the first pixel of a PNG: filters leave that as it is."""
    raw = picture.read_bytes()
    assert raw[:8] == b"\x89PNG\r\n\x1a\n", f"{picture.name} is no picture"
    place, data = 8, b""
    while place < len(raw):
        (length,), kind = struct.unpack(">I", raw[place : place + 4]), raw[place + 4 : place + 8]
        if kind == b"IDAT":
            data += raw[place + 8 : place + 8 + length]
        place += 12 + length
    return struct.unpack(">II", raw[16:24]), tuple(zlib.decompress(data)[1:4])


def check_elements(page, with_source):
    dom, log, asked = browse(page, "--dump-dom")
    assert not asked, f"it asks for {asked}"
    console = [line for line in log.splitlines() if CONSOLE in line]
    assert not console, console
    elements = Elements(dom)
    modelled = [column for column in COLUMNS if column not in KEYS]
    assert elements.headings[1:3] == ["Privacy", "Cost of each stage"], elements.headings
    assert elements.headings[3:] == ["Columns", *COLUMNS, "Associations between columns"], elements.headings
    squares = 2 if with_source else 1
    assert elements.count("svg") == len(modelled) + squares, elements.count("svg")
    bars = sum(1 for tag, _ in elements.found if tag == "rect")
    assert bars > squares * len(modelled) ** 2 + 2 * len(modelled), bars
    for tag in ("script", "link", "img", "iframe", "object", "embed", "form", "base", "video", "audio", "image", "use"):
        assert not elements.count(tag), f"it has <{tag}>"
    for tag, attributes in elements.found:
        for name, value in attributes.items():
            assert not name.startswith("on"), f"<{tag} {name}>"
            assert name == "xmlns" and value == SVG or "//" not in (value or ""), f"<{tag} {name}={value}>"
            assert "url(" not in (value or ""), f"<{tag} {name}={value}>"
    assert elements.styles and not any(word in "".join(elements.styles) for word in ("url(", "@import", "//"))
    warned, published = "for the owner only" in dom, "may be published" in dom
    assert (warned, published) == (with_source, not with_source)
    assert "with differential privacy at epsilon 5" in dom


def check_pictures(page):
    corners = {}
    for name, width, options in [("light", 1000, []), ("dark", 1000, [DARK]), ("narrow", 390, [])]:
        picture = page.with_name(f"{page.stem}-{name}.png")
        _, _, asked = browse(page, f"--window-size={width},1400", f"--screenshot={picture}", *options)
        assert not asked, f"it asks for {asked}"
        size, corners[name] = corner(picture)
        assert size == (width, 1400) and picture.stat().st_size > 20_000, (name, size, picture.stat().st_size)
    assert min(corners["light"]) > 200 and max(corners["dark"]) < 60, corners
    paper = page.with_suffix(".pdf")
    browse(page, f"--print-to-pdf={paper}")
    printed = paper.read_bytes()
    assert printed.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", printed)) > 1, len(printed)


def check_that_faults_are_seen():
    page = PAGES / "control.html"
    page.write_text(
        '<!DOCTYPE html><img src="http://example.invalid/a"><style>@import "https://example.invalid/b"</style>'
        "<script>console.error('control')</script>"
    )
    _, log, asked = browse(page, "--dump-dom")
    page.unlink()
    assert asked == {"http://example.invalid/a", "https://example.invalid/b"}, asked
    assert any(CONSOLE in line and "control" in line for line in log.splitlines()), log


check_that_faults_are_seen()
for name, with_source in [("released", False), ("owner", True)]:
    try:
        check_elements(PAGES / f"{name}.html", with_source)
        check_pictures(PAGES / f"{name}.html")
    except AssertionError as fault:
        sys.exit(f"FAILED   {name}: {fault}")
    print(f"ok       {name}: {len(COLUMNS)} columns, light, dark, narrow and on paper; asks for nothing")
