"""`python -m bpfdoctor`: as the command, but it ends as any program of Python's does.

So a profiler or a debugger that runs it comes to its own end.
"""

import sys

from bpfdoctor.cli import whole

if __name__ == "__main__":
    sys.exit(whole())
