"""``python -m mammo_node`` is the same as ``mammo-node``."""

import sys

from mammo_node.cli import main

if __name__ == "__main__":
    sys.exit(main())
