#!/usr/bin/python3
"""A proxy between claude-bottle and the engine, to make things go wrong on purpose.

    engineproxy.py LISTEN [--engine SOCKET] [--log FILE] [--fault MODE REQUEST] [--at K] [--host-reachable]

LISTEN and SOCKET are unix sockets. The log has one line a request, "METHOD PATH", with the API
version cut off and ids shown as "*". REQUEST is such a line; the fault strikes its K-th
occurrence (default 1), once. MODE:

    error500  the engine is not asked; the answer is 500 "planted fault"
    drop      the engine does it, the connection is closed before a byte of the answer
    cut       the engine does it, the connection is closed in the middle of the status line
    hang      the engine is not asked, and nothing is answered
    freeze    the engine does it, and nothing is answered

--host-reachable takes inhibit_ipv4 out of every network that is made, so that the host keeps
an address in it: what an engine would do that does not know the option.
"""
import argparse
import json
import os
import re
import socket
import sys
import threading

args = argparse.ArgumentParser()
args.add_argument("listen")
args.add_argument("--engine", default="/var/run/docker.sock")
args.add_argument("--log")
args.add_argument("--fault", nargs=2, metavar=("MODE", "REQUEST"), default=(None, None))
args.add_argument("--at", type=int, default=1)
args.add_argument("--host-reachable", action="store_true")
args = args.parse_args()
if args.fault[0] not in (None, "error500", "drop", "cut", "hang", "freeze"):
    sys.exit("engineproxy.py: there is no fault " + args.fault[0])

lock = threading.Lock()
seen = 0
log = open(args.log, "a", buffering=1) if args.log else None


def plain(line):
    """"POST /v1.41/exec/0123...ef/start HTTP/1.1" -> "POST /exec/*/start"."""
    method, path = line.split(" ")[:2]
    return method + " " + re.sub(r"[0-9a-f]{64}", "*", re.sub(r"^/v1\.\d+", "", path))


def strikes(line):
    global seen
    with lock:
        if log:
            log.write(line + "\n")
        if line != args.fault[1]:
            return False
        seen += 1
        return seen == args.at


class Lost(Exception):
    """Either side went away."""


class Connection:
    def __init__(self, client):
        self.client = client
        self.engine = socket.socket(socket.AF_UNIX)
        self.engine.connect(args.engine)
        self.buf = b""
        self.loses_answer = None  # the mode, once the fault has struck

    def read(self):
        data = self.client.recv(65536)
        if not data:
            raise Lost
        return data

    def read_head(self):
        while b"\r\n\r\n" not in self.buf:
            self.buf += self.read()
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        return head

    def take(self, n, to):
        """n bytes of the request's body, each piece handed to to()."""
        while n > 0:
            if not self.buf:
                self.buf = self.read()
            piece, self.buf = self.buf[:n], self.buf[n:]
            n -= len(piece)
            to(piece)

    def one_request(self):
        head = self.read_head()
        lines = head.decode("latin-1").split("\r\n")
        fields = {k.lower(): v.strip() for k, v in (x.split(":", 1) for x in lines[1:])}
        length = int(fields.get("content-length", 0))
        what = plain(lines[0])
        mode = args.fault[0] if strikes(what) else None
        if mode == "error500":
            self.take(length, lambda piece: None)
            body = b'{"message":"planted fault"}'
            self.client.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
                                b"Content-Length: %d\r\n\r\n" % len(body) + body)
            return
        if mode == "hang":
            while True:
                self.read()
        self.loses_answer = mode
        if args.host_reachable and what == "POST /networks/create":
            whole = bytearray()
            self.take(length, whole.extend)
            body = json.loads(whole)
            body["Options"] = {}
            whole = json.dumps(body).encode()
            head = re.sub(rb"(?i)content-length: *\d+", b"Content-Length: %d" % len(whole), head)
            self.engine.sendall(head + b"\r\n\r\n" + whole)
            return
        self.engine.sendall(head + b"\r\n\r\n")
        self.take(length, self.engine.sendall)
        if "upgrade" in fields:
            if self.buf:
                self.engine.sendall(self.buf)
            while True:
                self.engine.sendall(self.read())

    def requests(self):
        try:
            while True:
                self.one_request()
        except (Lost, OSError):
            self.close()

    def answers(self):
        try:
            while data := self.engine.recv(65536):
                if self.loses_answer == "cut":
                    self.client.sendall(data[:11])
                if self.loses_answer == "freeze":
                    continue
                if self.loses_answer:
                    break
                self.client.sendall(data)
        except OSError:
            pass
        self.close()

    def close(self):
        for s in self.client, self.engine:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def main():
    if os.path.exists(args.listen):
        os.unlink(args.listen)
    server = socket.socket(socket.AF_UNIX)
    server.bind(args.listen)
    server.listen(64)
    print("ready", flush=True)
    while True:
        client, _ = server.accept()
        c = Connection(client)
        threading.Thread(target=c.requests, daemon=True).start()
        threading.Thread(target=c.answers, daemon=True).start()


try:
    main()
except KeyboardInterrupt:
    sys.exit(0)
