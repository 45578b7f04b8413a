#!/usr/bin/python3
"""A proxy to an engine that does not know inhibit_ipv4.

    reachproxy.py LISTEN ENGINE LOG     (two unix sockets, a file)

The option is taken out of every network that is made, so the host keeps an address in it and
can be reached from there. All else passes. The log has a line "METHOD TARGET" a request.
"""
import json
import re
import socket
import sys
import threading

listen, engine, log = sys.argv[1:]
log = open(log, "a", buffering=1)


class Lost(Exception):
    """Either side went away."""


class Connection:
    def __init__(self, client):
        self.client = client
        self.engine = socket.socket(socket.AF_UNIX)
        self.engine.connect(engine)
        self.buf = b""

    def read(self):
        data = self.client.recv(65536)
        if not data:
            raise Lost
        return data

    def body(self, n):
        while n > 0:
            if not self.buf:
                self.buf = self.read()
            piece, self.buf = self.buf[:n], self.buf[n:]
            n -= len(piece)
            yield piece

    def one_request(self):
        while b"\r\n\r\n" not in self.buf:
            self.buf += self.read()
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        fields = {k.lower(): v.strip() for k, v in (x.split(":", 1) for x in lines[1:])}
        method, target = lines[0].split(" ")[:2]
        log.write(f"{method} {target}\n")
        pieces = self.body(int(fields.get("content-length", 0)))
        if method == "POST" and target.endswith("/networks/create"):
            network = json.loads(b"".join(pieces))
            network["Options"] = {}
            network = json.dumps(network).encode()
            head = re.sub(rb"(?i)content-length: *\d+", b"Content-Length: %d" % len(network), head)
            pieces = [network]
        self.engine.sendall(head + b"\r\n\r\n")
        for piece in pieces:
            self.engine.sendall(piece)
        if "upgrade" in fields:
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


server = socket.socket(socket.AF_UNIX)
server.bind(listen)
server.listen(64)
print("ready", flush=True)
while True:
    c = Connection(server.accept()[0])
    threading.Thread(target=c.requests, daemon=True).start()
    threading.Thread(target=c.answers, daemon=True).start()
