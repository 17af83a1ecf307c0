"""The roster comes in: by file, a membership at a time, or from the provider; every row by the same strict reader."""
