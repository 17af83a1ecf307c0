"""A made-up merchant with known billing errors, told to the real receiver the way Stripe and PayPal tell it."""
