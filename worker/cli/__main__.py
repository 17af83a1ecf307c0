"""`python -m worker.cli`: the command without its script."""

import sys

from worker.cli import main

sys.exit(main())
