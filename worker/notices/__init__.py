"""What members are told: receipts, questions, refunds, refusals, in the merchant's own words. Laid out for review, or
sent by e-mail where a setting says so; each once."""
