"""What is sent, by the name of the operation: for the document, and tried by a test."""

from __future__ import annotations

from typing import Any

EXAMPLES: dict[str, Any] = {
    "put_membership": {
        "membership": "M-1001",
        "member": {"name": "Ann Example", "email": "ann@example.com", "country": "US"},
        "started_on": "2024-01-31",
        "plan": {"code": "dialer", "price": 9900, "currency": "USD", "every": "month"},
        "agreements": [{"provider": "stripe", "customer": "cus_1001", "subscription": "sub_1001"}],
    },
    "tell_notice": {"kind": "cancel", "at": "2024-06-28T23:59:00-05:00", "channel": "email"},
    "tell_change": {"kind": "price", "from": "2024-04-30", "price": 10900},
    "make_claim": {
        "claim": "C-1",
        "membership": "M-1001",
        "charge": "stripe:ch_1001",
        "kind": "billing_error",
        "received_at": "2024-05-02T09:00:00-05:00",
        "channel": "email",
        "explanation": "charged twice in April",
    },
    "correct_member": {"name": "Ann Sample", "email": "ann.sample@example.com"},
    "restrict_member": {"lift": False},
    "stop_money": {"reason": "the price list is wrong"},
    "resume_money": {"reason": "it is mended"},
    "waive_remedy": {"reason": "credited by hand on 2024-05-02"},
}
