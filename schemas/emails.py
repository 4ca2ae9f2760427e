"""The field type of email addresses."""

import re
from collections.abc import Mapping
from typing import Any
from unicodedata import normalize

from marshmallow import ValidationError

from schemas.fields import Text

BLANKS = r"\x09-\x0d\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""The characters that str.strip() removes."""
# The parts of an email address (RFC 5321, RFC 6531), without the quoted and bracketed forms.
ATOM = rf"[^\x00-\x20\x22\x28\x29\x2c\x2e\x3a-\x3c\x3e\x40\x5b-\x5d\x7f-\x9f{BLANKS}]+"
LETTER = rf"[^\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x9f{BLANKS}]"
LABEL = rf"{LETTER}+(\x2d+{LETTER}+)*"
ADDRESS = rf"{ATOM}(\x2e{ATOM})*@{LABEL}(\x2e{LABEL})*"
MAX_BYTES = 254


class Email(Text):
    """An address of at most 254 bytes (RFC 5321 §4.5.3.1.3), normalized to NFKC.

    Whether mail can be delivered to it is not checked.
    """

    too_long = f"Must not be longer than {MAX_BYTES} bytes of UTF-8."

    def __init__(self, *, metadata: Mapping[str, Any], **kwargs: Any) -> None:
        metadata = {"format": "idn-email", **metadata}
        super().__init__(max_length=MAX_BYTES, metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        sent = super()._deserialize(value, attr, data, **kwargs)
        address = normalize("NFKC", sent.strip())
        if len(address.encode()) > MAX_BYTES:
            raise ValidationError(self.too_long)
        # NFKC turns some other characters into @ or blanks, so the address is checked before and
        # after. Invisible characters would make two different addresses look the same.
        as_sent, as_kept = re.fullmatch(ADDRESS, sent.strip()), re.fullmatch(ADDRESS, address)
        if not (as_sent and as_kept and address.isprintable()):
            raise ValidationError("Not an email address.")
        return address
