#!/usr/bin/env python3
"""Checks an export of frontdesk (docs/export.md) with Python's standard library alone.

usage: verify_export.py DIR      ends with 0 when every byte is what it was, else with 1 and a line for each finding
"""
import gzip
import hashlib
import json
import os
import sys
import zlib

CHUNK = 1 << 20


def digest(path, opener=open):
    sha256 = hashlib.sha256()
    with opener(path, "rb") as file:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
    return sha256.hexdigest()


def sums(path):
    """The lines of a checksum file, exactly as an export writes them."""
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    if not text.endswith("\n"):
        raise ValueError(f"{os.path.basename(path)}: its last line has no end")
    for line in text[:-1].split("\n"):
        digits, gap, name = line[:64], line[64:66], line[66:]
        if len(digits) != 64 or set(digits) - set("0123456789abcdef") or gap != "  " or not name or "/" in name:
            raise ValueError(f"{os.path.basename(path)}: not a line of an export: {line!r}")
        yield digits, name


def check_sums(folder, found):
    listed = {"SHA256SUMS.sha256"}
    for file in ("SHA256SUMS.sha256", "SHA256SUMS"):
        try:
            for digits, name in sums(os.path.join(folder, file)):
                listed.add(name)
                try:
                    if digest(os.path.join(folder, name)) != digits:
                        found.append(f"{name}: its checksum is another")
                except OSError as error:
                    found.append(f"{name}: {error.strerror}")
        except (OSError, ValueError) as error:
            found.append(f"{file}: {error}")
    for name in sorted(set(os.listdir(folder)) - listed):
        found.append(f"{name}: it is in no list")
    return listed


def check_contents(folder, listed, found):
    contents = {}
    for name in sorted(listed):
        if not name.endswith(".gz"):
            continue
        try:
            content = digest(os.path.join(folder, name), gzip.open)
        except (OSError, EOFError, zlib.error) as error:
            found.append(f"{name}: it does not inflate: {error}")
            continue
        contents[name] = content
        if name.endswith(".json.gz") and not content.startswith(name[: -len(".json.gz")].rpartition("_")[2]):
            found.append(f"{name}: its content is not what its name says")
    return contents


def check_manifest(folder, contents, found):
    path = os.path.join(folder, "manifest.ndjson")
    named = set()
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    record = json.loads(line)
                except ValueError:
                    found.append(f"manifest.ndjson, line {number}: it is not JSON")
                    continue
                name = record.get("file")
                if name is None:
                    found.append(f"manifest.ndjson, line {number}: left out: {record.get('unreadable')}")
                    continue
                named.add(name)
                if "line" not in record and contents.get(name) != record["sha256"]:
                    found.append(f"{name}: its content is not what the manifest says")
        for name in sorted(set(contents) - named):
            found.append(f"{name}: the manifest does not name it")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder, found = sys.argv[1], []
    listed = check_sums(folder, found)
    check_manifest(folder, check_contents(folder, listed, found), found)
    for line in found:
        print(line)
    print(f"{len(listed)} files: " + (f"{len(found)} findings" if found else "every byte is what it was"))
    sys.exit(1 if found else 0)


main()
