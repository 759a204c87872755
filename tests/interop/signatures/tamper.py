"""Alters one thing in a signed message, byte for byte elsewhere, and says whether the signature may still hold.

No XML library: what a tool sees is what was on the wire, prefixes and order of attributes included.
"""

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

#: What our messages sign, by profile. An answer has RelatesTo instead of From.
EVERYTHING = {"wsu:Timestamp", "soap:Body", "wsa:MessageID", "wsa:Action", "wsa:To", "wsa:From"}
SIGNED = {"default": EVERYTHING, "legacy-itk": {"wsu:Timestamp"}, "signed-answers": EVERYTHING}


@dataclass
class Tampering:
    """`part` is what has to be signed for the alteration to show; none: it always does; empty: it never does."""

    name: str
    part: str | None
    alter: Callable[[str], str]


def once(pattern: str, change: Callable[[re.Match], str]) -> Callable[[str], str]:
    def alter(text: str) -> str:
        altered, count = re.subn(pattern, change, text, count=1, flags=re.S)
        assert count == 1 and altered != text, f"nothing to alter: {pattern}"
        return altered

    return alter


def within(element: str, change: Callable[[str], str], below: str = "") -> Callable[[str], str]:
    """The text of the first such element, whatever its prefix."""
    opening = "".join(rf"<(?:[\w.-]+:)?{name}\b[^>]*>\s*" for name in [element, below] if name)
    return once(rf"({opening})([^<]+)", lambda found: found[1] + change(found[2]))


def last_flipped(text: str) -> str:
    """Another character of the same kind at the end."""
    stripped = text.rstrip()
    return stripped[:-1] + ("1" if stripped[-1] != "1" else "2") + text[len(stripped):]


def bit_flipped(text: str) -> str:
    value = bytearray(base64.b64decode("".join(text.split())))
    value[-1] ^= 1
    return base64.b64encode(value).decode()


def second_later(text: str) -> str:
    return re.sub(r"(\d\d)((?:\.\d+)?Z)", lambda found: f"{(int(found[1]) + 1) % 60:02}{found[2]}", text)


def leaf(pem: Path) -> str:
    return "".join(line for line in pem.read_text().splitlines() if "-----" not in line)


def tamperings(other_certificate: Path, answer: bool = False) -> list[Tampering]:
    """Of a request, or of an answer."""
    header = r"<(?:[\w.-]+:)?Reference\b[^>]*>(?:(?!<(?:[\w.-]+:)?Reference\b).)*?</(?:[\w.-]+:)?Reference>"
    last_reference = rf"(<(?:[\w.-]+:)?SignedInfo\b.*){header}(\s*</(?:[\w.-]+:)?SignedInfo>)"
    body = once(r'(<(?:[\w.-]+:)?outcome\b[^>]*\bdisplay=")', lambda found: found[1] + "x")
    number = within("nhsNumber", lambda text: "9990000018" if "9990000018" not in text else "9990000026")
    sender = ("RelatesTo", "wsa:RelatesTo", within("RelatesTo", last_flipped))
    if not answer:
        sender = ("From", "wsa:From", within("From", last_flipped, below="Address"))
    return [
        Tampering("Body", "soap:Body", body if answer else number),
        Tampering("To", "wsa:To", within("To", lambda text: text + "x")),
        Tampering("Action", "wsa:Action", within("Action", lambda text: text + "x")),
        Tampering("MessageID", "wsa:MessageID", within("MessageID", last_flipped)),
        Tampering(*sender),
        Tampering("Created", "wsu:Timestamp", within("Created", second_later)),
        Tampering("Expires", "wsu:Timestamp", within("Expires", second_later)),
        Tampering("digest", None, within("DigestValue", bit_flipped)),
        Tampering("reference removed", None, once(last_reference, lambda found: found[1] + found[2])),
        Tampering("signature value", None, within("SignatureValue", bit_flipped)),
        Tampering("certificate", None, within("BinarySecurityToken", lambda _: leaf(other_certificate))),
        Tampering("Username", "", within("Username", last_flipped)),
    ]


def certificate_of(message: str) -> str:
    """The certificate that a message brings along, as PEM: tools without SecurityTokenReference are handed it."""
    token = re.search(r"<(?:[\w.-]+:)?BinarySecurityToken\b[^>]*>([^<]+)<", message)[1]
    text = "".join(token.split())
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])
