"""A stand-in for the model's host, so that the real Claude Code runs without a model.

Not a model: it answers by what the last prompt begins with, always the same way.

    run COMMAND     calls the Bash tool with COMMAND, then says what came of it
    ask QUESTION    asks QUESTION through the AskUserQuestion tool: "Yes" or "No"
    question TEXT   says TEXT and ends its turn
    slow N          N numbered words, twenty a second
    rich            a page with a heading, a list, a table, code and wide characters
    anything else   says it back

Port 80, and 443 with the certificate and key in FOLDER when they are there. Each request is a line
on stdout, without its headers: a key never shows.
"""
import http.server
import json
import os
import ssl
import sys
import threading
import time

FOLDER = os.environ.get("ANTHROPIC_STANDIN_FOLDER", "/etc/anthropic-standin/")
BODY_MAX = 32 << 20
RICH = """# The plan

I looked at the parser first. Three things are *worth* doing:

1. **Bound** the line length (`LINE_MAX`), so that nobody fills our memory.
2. Say *where* it failed.
3. Test it with 日本語, naïve façades and „quotes“.

| file | lines | state |
|---|---|---|
| `parse.c` | 212 | done |
| `lines.c` | 98 | to do |

```c
static bool is_blank(const char *s)
{
\treturn s[strspn(s, " \\t")] == '\\0';\t/* and nothing else */
}
```

> A test that cannot fail is no test.
"""


def texts(content):
    if isinstance(content, str):
        return [content]
    return [b.get("text", "") for b in content if b.get("type") == "text"]


def last_prompt(messages):
    """What the person wrote last, without what Claude Code adds to it."""
    for message in reversed(messages):
        if message.get("role") != "user":
            continue
        own = [t.strip() for t in texts(message["content"]) if not t.lstrip().startswith("<")]
        if own and own[-1]:
            return own[-1]
    return ""


def last_result(messages):
    """The text of a tool's result, when that is what the last message brings; else None."""
    for message in reversed(messages):
        if message.get("role") != "user":
            return None
        if isinstance(message["content"], str):
            continue
        for block in message["content"]:
            if block.get("type") == "tool_result":
                return " ".join(texts(block.get("content") or "")).strip()
    return None


def tool(name, **arguments):
    return {"type": "tool_use", "name": name, "input": arguments}


def answer(request):
    """The blocks of the answer, and the pause between its pieces in seconds."""
    messages = request.get("messages", [])
    if not request.get("tools"):
        return [json.dumps({"title": "A try without a model", "isNewTopic": False})], 0
    result = last_result(messages)
    if result is not None:
        first = result.splitlines()[0] if result else "nothing"
        return ["The tool said: " + first + "\n\nThat is done."], 0.01
    word, _, rest = last_prompt(messages).partition(" ")
    if word == "run":
        return ["I will run it.", tool("Bash", command=rest, description="What the prompt asked for")], 0.01
    if word == "ask":
        options = [{"label": "Yes", "description": "Go on"}, {"label": "No", "description": "Leave it"}]
        question = {"question": rest, "header": "Choice", "options": options, "multiSelect": False}
        return ["I need to know.", tool("AskUserQuestion", questions=[question])], 0.01
    if word == "question":
        return [rest], 0.01
    if word == "slow":
        return [" ".join("word%d" % i for i in range(int(rest)))], 0.05
    if word == "rich":
        return [RICH], 0.005
    return ["You said: " + last_prompt(messages)], 0.01


def pieces(text):
    """Words with the white space after them, as a model's tokens come."""
    piece = ""
    for c in text:
        if piece and piece[-1].isspace() and not c.isspace():
            yield piece
            piece = ""
        piece += c
    if piece:
        yield piece


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120

    def say(self, text):
        print(self.command + " " + self.path.split("?")[0] + " " + text, flush=True)

    def send_json(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def event(self, kind, **values):
        data = ("event: %s\ndata: %s\n\n" % (kind, json.dumps(dict(type=kind, **values)))).encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def stream(self, message, blocks, pause):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.event("message_start", message=dict(message, content=[], stop_reason=None))
        for i, block in enumerate(blocks):
            if block["type"] == "text":
                self.event("content_block_start", index=i, content_block={"type": "text", "text": ""})
                for piece in pieces(block["text"]):
                    self.event("content_block_delta", index=i, delta={"type": "text_delta", "text": piece})
                    time.sleep(pause)
            else:
                self.event("content_block_start", index=i, content_block=dict(block, input={}))
                part = json.dumps(block["input"])
                self.event("content_block_delta", index=i, delta={"type": "input_json_delta", "partial_json": part})
            self.event("content_block_stop", index=i)
        self.event("message_delta", delta={"stop_reason": message["stop_reason"], "stop_sequence": None},
                   usage={"output_tokens": 20})
        self.event("message_stop")
        self.wfile.write(b"0\r\n\r\n")

    def messages(self, request):
        blocks, pause = answer(request)
        serial = "%x" % time.monotonic_ns()
        content = []
        for i, block in enumerate(blocks):
            if isinstance(block, str):
                content.append({"type": "text", "text": block})
            else:
                content.append(dict(block, id="toolu_%s_%d" % (serial, i)))
        has_tool = content[-1]["type"] == "tool_use"
        message = {"id": "msg_" + serial, "type": "message", "role": "assistant",
                   "model": request.get("model", "none"), "content": content, "stop_sequence": None,
                   "stop_reason": "tool_use" if has_tool else "end_turn",
                   "usage": {"input_tokens": 100, "output_tokens": 20}}
        self.say("%s tools=%d %s" % ("stream" if request.get("stream") else "whole", len(request.get("tools") or []),
                                     json.dumps(last_prompt(request.get("messages", []))[:80])))
        if request.get("stream"):
            self.stream(message, content, pause)
        else:
            self.send_json(200, message)

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= BODY_MAX:
            self.close_connection = True
            return self.send_json(413, {"type": "error", "error": {"type": "request_too_large", "message": "too large"}})
        body = self.rfile.read(length)
        path = self.path.split("?")[0]
        try:
            request = json.loads(body) if body else {}
        except ValueError:
            return self.send_json(400, {"type": "error", "error": {"type": "invalid_request_error", "message": "no JSON"}})
        if path == "/v1/messages":
            return self.messages(request)
        if path == "/v1/messages/count_tokens":
            self.say("")
            return self.send_json(200, {"input_tokens": len(body) // 4})
        return self.unknown()

    def unknown(self):
        self.say("unknown")
        self.send_json(404, {"type": "error", "error": {"type": "not_found_error", "message": self.path}})

    def do_GET(self):
        if self.path.split("?")[0] in ("/", "/api/hello"):
            self.say("")
            return self.send_json(200, {"message": "hello"})
        return self.unknown()

    do_HEAD = do_GET

    def log_message(self, form, *values):
        pass


def serve(port, context):
    server = http.server.ThreadingHTTPServer(("0.0.0.0", port), Handler)
    if context:
        # the handshake belongs to the connection's own thread, not to the one that accepts
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main():
    if os.path.exists(FOLDER + "cert.pem"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(FOLDER + "cert.pem", FOLDER + "key.pem")
        serve(443, context)
    serve(80, None)
    print("anthropic-standin ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
