"""Training moved to `propmat.training`; the command of the old name says so, and this module goes with 0.2."""

import sys

if __name__ == "__main__":
    print("propmat: error: python -m propmat.networks.training is now python -m propmat.training", file=sys.stderr)
    sys.exit(2)
