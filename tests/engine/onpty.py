#!/usr/bin/python3
"""Run a command on a terminal of its own and answer its questions.

    onpty.py LOG [TEXT FILE]... -- COMMAND [ARG]...

Once TEXT was seen, the content of FILE and a return are typed (answers are files so that no
secret is in an argument). LOG gets every byte that the terminal showed. Ends as COMMAND does.
"""
import os
import pty
import select
import sys
import time

split = sys.argv.index("--")
log = open(sys.argv[1], "wb", buffering=0)
asks = [(sys.argv[i].encode(), sys.argv[i + 1]) for i in range(2, split, 2)]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[split + 1], sys.argv[split + 1:])
seen = b""
end = time.monotonic() + 150
while time.monotonic() < end:
    if not select.select([fd], [], [], 1)[0]:
        continue
    try:
        data = os.read(fd, 65536)
    except OSError:
        data = b""
    if not data:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    log.write(data)
    seen += data
    if asks and asks[0][0] in seen:
        seen = seen.split(asks[0][0], 1)[1]
        time.sleep(0.1)
        os.write(fd, open(asks.pop(0)[1], "rb").read().rstrip(b"\n") + b"\n")
os.kill(pid, 9)
sys.exit(124)
