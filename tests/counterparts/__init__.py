"""The refund path against Stripes that nobody here wrote. Not in the suite: `./run counterparts` runs them."""
