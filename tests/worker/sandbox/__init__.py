"""The bank of the sandbox: what the product is tried against has to be right itself."""
