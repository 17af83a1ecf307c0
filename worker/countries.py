"""Where members live, as far as the privacy statement asks (PR-7)."""

# The European Union and the United Kingdom: the statement is not meant for who lives there; nothing personal is kept.
NOT_KEPT = frozenset(
    "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE GB UK".split()  # noqa: SIM905
)
MEANT_FOR = frozenset({"US", "CA"})
