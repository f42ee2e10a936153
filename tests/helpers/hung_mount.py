"""Run a command over a file system that hangs, and end it: what its exit status was.

    unshare -m --propagation private python hung_mount.py PLACE SIGNAL COMMAND...

PLACE is a FUSE mount whose server answers nothing but its first greeting. Whoever asks it for
anything waits, and no signal that has a handler wakes him. The signal is sent once it was asked.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
import subprocess
import sys

INIT, HEADER = 26, 16
"""linux/fuse.h: the opcode of the greeting, and the bytes of the header of an answer."""
GREETING = struct.pack("<IIIIHHIIHHI7I", 7, 31, 0, 0, 12, 10, 1 << 16, 1, 0, 0, 0, *[0] * 7)


def main() -> None:
    """Mount, start, wait until the mount is asked, send the signal, and print how it ended."""
    place, number, *command = sys.argv[1:]
    server = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={server},rootmode=40000,user_id=0,group_id=0,allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"hung", place.encode(), b"fuse", 0, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    opcode, unique = struct.unpack("<IQ", os.read(server, 1 << 17)[4:HEADER])
    assert opcode == INIT
    answer = struct.pack("<IiQ", HEADER + len(GREETING), 0, unique) + GREETING
    os.write(server, answer)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as run:
        try:
            select.select([server], [], [])  # read, a question could not even be killed
            run.send_signal(int(number))
            sys.stdout.write(f"{run.wait(60)}\n")
        finally:
            os.close(server)  # lets go of whoever waits


if __name__ == "__main__":
    main()
