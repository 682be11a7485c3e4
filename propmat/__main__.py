"""``python -m propmat`` is ``propmat``."""

import sys

from propmat.cli._main import main

sys.exit(main())
