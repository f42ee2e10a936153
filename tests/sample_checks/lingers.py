"""A module that never finishes loading, having said who it is."""

import os
import threading
from pathlib import Path

Path(__file__).with_name("pid").write_text(str(os.getpid()))
threading.Event().wait()
