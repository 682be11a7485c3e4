"""``python -m propmat`` is ``propmat``."""

import sys

from propmat.cli import main

sys.exit(main())
