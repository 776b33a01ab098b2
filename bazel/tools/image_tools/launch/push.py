"""The push program: `image_tools.launch.pusher`, whose compiled form is kept, as a program's own file never is."""

from __future__ import annotations

import sys

from image_tools.launch.pusher import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
