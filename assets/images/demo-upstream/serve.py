"""The demo's web server: port 80 and, with its certificate, 443.

Answers any GET and POST, and writes a line for each request that arrives to stdout, so that the demo can tell
what came through from what did not.
"""
import http.server
import socket
import ssl
import sys
import threading
import time

FOLDER = "/etc/demo-upstream/"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(min(length, 1 << 20))
        body = ("hello from " + self.headers.get("Host", "nobody") + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, form, *values):
        print("request " + self.headers.get("Host", "-") + " " + self.requestline.split("?")[0], flush=True)


def serve(port, context):
    server = http.server.ThreadingHTTPServer(("0.0.0.0", port), Handler)
    if context:
        # the handshake belongs to the connection's own thread, not to the one that accepts
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def wait_for(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit("nothing listens on port %d" % port)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(FOLDER + "cert.pem", FOLDER + "key.pem")
serve(80, None)
serve(443, context)
wait_for(22)
print("demo-upstream ready", flush=True)
threading.Event().wait()
