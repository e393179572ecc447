#!/usr/bin/env python3
"""Check a Frontdesk journal with nothing but Python: docs/journal.md as a program.

    frontdesk audit export --chain | python3 verify_journal.py [--head FILE] [--keys FILE] -
    python3 verify_journal.py [--head FILE] [--keys FILE] COPY/journal.sqlite

Reads a chain as `audit export --chain` writes it, or the table of a copied database. --head is a head that was kept
elsewhere (`audit export --head`); --keys the journal's key file, where you have it. Exit 0: sound; 6: not, and the first bad
entry is named; 2: cannot be read.
"""
import argparse
import hashlib
import hmac
import json
import sqlite3
import sys

FORMAT = "frontdesk-journal-chain-v1"


class Bad(Exception):
    """What is wrong; the first argument is the entry's number, or None."""


def genesis(journal):
    return hashlib.sha256(b"frontdesk-journal-v1\n" + journal.encode()).digest()


def link(previous, body):
    return hashlib.sha256(b"frontdesk-journal-entry-v1\n" + previous + body).digest()


def commitment(salt, field, value):
    message = b"frontdesk-journal-field-v1\n" + field.encode() + b"\n" + value
    return hmac.new(salt, message, hashlib.sha256).hexdigest()


def head_message(head):
    parts = [head["journal"], str(head["count"]), head["hash"], head["key_id"], head["at"]]
    return ("frontdesk-journal-head-v1\n" + "\n".join(parts) + "\n").encode()


def read_keys(path):
    keys = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            word, key_id, key = line.split()
            key = bytes.fromhex(key)
            named = hashlib.sha256(b"frontdesk-journal-key-id-v1\n" + key).hexdigest()[:16]
            if word != "frontdesk-journal-key-v1" or named != key_id:
                raise ValueError("the key file holds a line that is no key")
            keys[key_id] = key
    return keys


def from_chain(lines):
    """Gives (journal, [entries as (body, personal)], head); an entry's body is cut out of its line byte for byte."""
    first = json.loads(next(lines))
    if first.get("format") != FORMAT:
        raise ValueError("this is no chain")
    decoder = json.JSONDecoder()
    found = {}

    def entries():
        prefix = '{"entry":'
        for line in lines:
            line = line.rstrip("\n")
            if not line.startswith(prefix):
                found.update(json.loads(line)["head"])
                return
            _, end = decoder.raw_decode(line, len(prefix))
            whole = json.loads(line)
            personal = {}
            for field, kept in whole.get("personal", {}).items():
                # The exact bytes of the value: JSON strings are written as Frontdesk writes them.
                value = json.dumps(kept["value"], ensure_ascii=False, separators=(",", ":")).encode()
                personal[field] = (value, bytes.fromhex(kept["salt"]))
            yield line[len(prefix):end].encode(), personal

    return first["journal"], entries(), found


def from_database(path):
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    (journal,) = connection.execute("SELECT value FROM meta WHERE name = 'journal'").fetchone()
    row = connection.execute("SELECT count, hash, key_id, at, mac FROM heads ORDER BY count DESC LIMIT 1").fetchone()
    head = {}
    if row:
        micros = row[3]
        import datetime
        at = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=micros)
        text = at.strftime("%Y-%m-%dT%H:%M:%S")
        if at.microsecond:
            text += ("." + f"{at.microsecond:06d}").rstrip("0")
        head = {"journal": journal, "count": row[0], "hash": row[1].hex(), "key_id": row[2], "at": text + "Z",
                "mac": row[4].hex()}

    def entries():
        for number, body, _ in connection.execute("SELECT number, body, hash FROM entries ORDER BY number"):
            values = connection.execute(
                "SELECT field, value, salt FROM personal WHERE number = ? AND value IS NOT NULL", (number,))
            yield body, {field: (value, salt) for field, value, salt in values}

    return journal, entries(), head


def check_signature(head, keys, name):
    if keys is None:
        return
    key = keys.get(head["key_id"])
    if key is None:
        raise Bad(None, f"{name} was signed with a key that is not in the file")
    mac = hmac.new(key, head_message(head), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(mac, head["mac"]):
        raise Bad(None, f"{name} has a wrong signature")


def verify(journal, entries, own_head, trusted, keys):
    if trusted and trusted["journal"] != journal:
        raise Bad(None, "the trusted head is of another journal")
    previous, count, personal_values = genesis(journal), 0, 0
    own_hash = None
    for body, personal in entries:
        count += 1
        entry = json.loads(body)
        if entry["number"] != count:
            raise Bad(count, "it is missing, or another one stands in its place")
        previous = link(previous, body)
        for field, (value, salt) in personal.items():
            if field not in entry.get("personal", []):
                raise Bad(count, "there is a personal value that its text does not know")
            if entry["record"][field] != commitment(salt, field, value):
                raise Bad(count, "a personal value is not the one that was recorded")
            personal_values += 1
        if trusted and trusted["count"] == count and trusted["hash"] != previous.hex():
            raise Bad(count, "it, or one before it, is not the one that the trusted head was signed for")
        own_hash = previous
    # In a chain the head is the last line, so it is known only now.
    if not own_head:
        raise Bad(count + 1, "the chain ends without a head")
    if own_head["journal"] != journal or own_head["count"] > count:
        raise Bad(count + 1, f"it is missing: the head is of {own_head['count']} entries")
    if own_head["count"] < count:
        raise Bad(own_head["count"] + 1, "no head was signed for it")
    if own_head["hash"] != own_hash.hex():
        raise Bad(count, "it, or one before it, is not the one that the head was signed for")
    check_signature(own_head, keys, "the head")
    if trusted:
        check_signature(trusted, keys, "the trusted head")
        if trusted["count"] > count:
            raise Bad(count + 1, f"it is missing: the trusted head is of {trusted['count']} entries")
    return count, personal_values


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("journal", help="a chain, - for stdin, or a copied journal.sqlite")
    parser.add_argument("--head", help="a head that was kept elsewhere")
    parser.add_argument("--keys", help="the journal's key file")
    arguments = parser.parse_args()
    try:
        trusted = json.load(open(arguments.head, encoding="utf-8")) if arguments.head else None
        keys = read_keys(arguments.keys) if arguments.keys else None
        if arguments.journal == "-":
            sys.stdin.reconfigure(encoding="utf-8", newline="\n")
            source = from_chain(iter(sys.stdin))
        elif open(arguments.journal, "rb").read(16) == b"SQLite format 3\0":
            source = from_database(arguments.journal)
        else:
            source = from_chain(open(arguments.journal, encoding="utf-8", newline="\n"))
        count, values = verify(*source, trusted, keys)
    except Bad as bad:
        entry, what = bad.args
        print(f"entry {entry}: {what}" if entry else what)
        return 6
    except (OSError, ValueError, KeyError, StopIteration, sqlite3.Error) as error:
        print(f"cannot be read: {error}", file=sys.stderr)
        return 2
    signed = "signatures checked" if keys else "signatures not checked"
    print(f"{count} entries, {values} personal values: every entry is there and what it was; {signed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
