# SPDX-License-Identifier: MIT
"""pty - runs a program in a terminal of its own: what comes on stdin is typed there,
what it shows goes to stdout. When it has ended, the last line is JSON: its status, as
of os.wait, and how the terminal was before, when it said where it serves, and after."""
import fcntl
import json
import os
import select
import sys
import termios


def flags(fd):
    local = termios.tcgetattr(fd)[3]
    return {"lines": bool(local & termios.ICANON), "echo": bool(local & termios.ECHO)}


master, slave = os.openpty()
before = flags(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in 0, 1, 2:
        os.dup2(slave, fd)
    os.execvp(sys.argv[1], sys.argv[1:])

os.write(1, f"pid {pid}\n".encode())
during = before
tail = b""
sources = [0, master]
status = None
while True:
    ready = select.select(sources, [], [], 0.05)[0]
    if 0 in ready:
        typed = os.read(0, 4096)
        os.write(master, typed)
        if not typed:
            sources.remove(0)
    if master in ready:
        shown = os.read(master, 65536)
        text = tail + shown  # a word may come in two parts
        tail = text[-6:]
        # Before it is handed on: whoever reads it may end the program at once.
        if b"http://" in text or b"Keys:" in text:
            during = flags(slave)
            tail = b""
        os.write(1, shown)
    elif status is not None:
        break
    if status is None:
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended:
            status = code
end = {"status": status, "before": before, "during": during, "after": flags(slave)}
os.write(1, f"\n{json.dumps(end)}\n".encode())
