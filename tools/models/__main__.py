"""Runs the package from its folder:  python3 tools/models install NAME…"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from models.command import main  # noqa: E402 (found through the line above)

sys.exit(main(sys.argv[1:]))
