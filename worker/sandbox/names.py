"""Object ids in the providers' forms, drawn from the seed."""

from __future__ import annotations

import string
from random import Random

_ALNUM = string.ascii_letters + string.digits
_UPPER = string.ascii_uppercase + string.digits


class Names:
    """Object ids in the providers' forms, drawn from the seed."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def stripe(self, prefix: str) -> str:
        return f"{prefix}_{''.join(self.rng.choices(_ALNUM, k=24))}"

    def paypal(self, length: int = 17) -> str:
        return "".join(self.rng.choices(_UPPER, k=length))
