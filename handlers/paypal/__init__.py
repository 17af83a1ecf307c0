"""PayPal: what comes in (`inbox`) and what goes out (`gateway`)."""
