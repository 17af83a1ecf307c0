"""A stateful Stripe and PayPal in one process, over real HTTP: what the demo and the tests send their money to.

Written from the providers' descriptions and not from makegood's handlers, so that the two can disagree.
"""
