"""A module that never finishes loading and heeds no signal, having said who it is."""

import os
import signal
import threading
from pathlib import Path

for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
Path(__file__).with_name("pid").write_text(str(os.getpid()))
threading.Event().wait()
