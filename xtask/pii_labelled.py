#!/usr/bin/env python3
"""Labelled lines for `cargo bench -p frontdesk-domain --bench pii -- FILE`.

    pip install faker==40.54.0 phonenumbers==9.0.43
    python3 xtask/pii_labelled.py values  > values.ndjson     # each kind in sentences of several languages (R91)
    python3 xtask/pii_labelled.py phones  > phones.ndjson     # every region's example numbers in 20 sentences (R92)
    python3 xtask/pii_labelled.py nothing > nothing.ndjson    # 100,000 lines that hold none of it (R93)

The values are faker's and libphonenumber's, the sentences our own; equal seeds give equal lines.
"""

import ipaddress
import json
import random
import sys
import uuid

SEED = 20261121
COUNT = 20_000

SENTENCES = [
    "{}",
    "My new one is {}, please use it from now on.",
    "Please write it down: {}",
    "({})",
    "You can reach me at {}.",
    "Is \"{}\" still what you have on file?",
    "I gave you {} last week; has that changed anything?",
    "Bitte nehmen Sie {} auf.",
    "C'est {} depuis lundi, merci !",
    "Es {}; gracias.",
    "これは {} です。",
    "Contact:\n{}\nThank you",
    "old: n/a, new: {} (since May)",
    "<p>{}</p>",
    "{} is what my husband uses",
    "it's {}, right?",
    "No, {}!",
    "value={}",
    "[{}]",
    "guest: {}\nagent: thank you",
]


def card_digits(rng, prefix, length):
    digits = prefix + "".join(str(rng.randrange(10)) for _ in range(length - len(prefix) - 1))
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def card(rng):
    prefix, length = rng.choice([("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16), ("3528", 16)])
    digits = card_digits(rng, prefix, length)
    groups = [4, 6, 5] if length == 15 else [4, 4, 4, 4]
    joint = rng.choice(["", " ", "-"])
    if not joint:
        return digits
    parts, at = [], 0
    for size in groups:
        parts.append(digits[at : at + size])
        at += size
    return joint.join(parts)


def values(rng):
    from faker import Faker

    locales = ["en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL", "sv_SE", "pt_BR"]
    fakers = {locale: Faker(locale) for locale in locales}
    for number, faker in enumerate(fakers.values()):
        faker.seed_instance(SEED + number)
    us = fakers["en_US"]

    def iban():
        while True:
            text = fakers[rng.choice(["en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL"])].iban()
            if rng.random() < 0.5:
                return text
            return " ".join(text[at : at + 4] for at in range(0, len(text), 4))

    makers = {
        "email": lambda: fakers[rng.choice(locales)].email(),
        "card": lambda: card(rng),
        "iban": iban,
        "ssn": us.ssn,
        "ip": lambda: us.ipv4() if rng.random() < 0.6 else str(ipaddress.IPv6Address(rng.getrandbits(128))),
    }
    for _ in range(COUNT):
        kind = rng.choice(list(makers))
        value = makers[kind]()
        yield rng.choice(SENTENCES).format(value), None, [(kind, value)]


def phones(_rng):
    import phonenumbers
    from phonenumbers import PhoneNumberFormat as Format

    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for sort in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE):
            number = phonenumbers.example_number_for_type(region, sort)
            if number is None:
                continue
            for form, home in ((Format.INTERNATIONAL, None), (Format.E164, None), (Format.NATIONAL, region)):
                value = phonenumbers.format_number(number, form)
                for sentence in SENTENCES:
                    yield sentence.format(value), home, [("phone", value)]


def nothing(rng):
    hexadecimal = lambda length: "".join(rng.choice("0123456789abcdef") for _ in range(length))
    digits = lambda length: "".join(str(rng.randrange(10)) for _ in range(length))
    makers = [
        lambda: f"order {rng.choice('ABCXY')}{rng.choice('ABCXY')}-{digits(6)}",
        lambda: f"request {uuid.UUID(int=rng.getrandbits(128))}",
        lambda: f"at 2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}T{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}.{digits(3)}Z",
        lambda: f"sha256 {hexadecimal(64)}",
        lambda: f"commit {hexadecimal(40)}",
        lambda: f"parcel 1Z{hexadecimal(6).upper()}{digits(10)}",
        lambda: f"invoice {digits(8)}/{digits(2)}",
        lambda: f"version {rng.randrange(20)}.{rng.randrange(20)}.{rng.randrange(20)}.{rng.randrange(999)}",
        lambda: f"let x{digits(2)} = f({digits(3)}, {digits(4)}) % 0x{hexadecimal(8)};",
        lambda: f"{rng.randrange(1, 13)}:{rng.randrange(60):02} until {rng.randrange(1, 13)}:{rng.randrange(60):02}, room {digits(3)}",
        lambda: f"the price is {digits(2)}.{digits(2)} for {digits(1)} or {digits(4)}.00 for all",
        lambda: f"epoch 17{digits(8)} and 17{digits(11)}",
        lambda: f"user@{digits(3)} said @all: see #{digits(5)}",
        lambda: f"serial {digits(4)}-{digits(4)}-{digits(2)}",
        lambda: f"coordinates {rng.uniform(-90, 90):.6f}, {rng.uniform(-180, 180):.6f}",
        lambda: f"flight LH{digits(4)} gate {rng.choice('ABC')}{digits(2)} seat {digits(2)}{rng.choice('ABCDEF')}",
    ]
    for _ in range(100_000):
        yield rng.choice(makers)(), None, []


def main():
    sets = {"values": values, "phones": phones, "nothing": nothing}
    if len(sys.argv) != 2 or sys.argv[1] not in sets:
        sys.exit(__doc__)
    for text, region, found in sets[sys.argv[1]](random.Random(SEED)):
        line = {"text": text, "found": [{"kind": kind, "value": value} for kind, value in found]}
        if region:
            line["region"] = region
        print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
