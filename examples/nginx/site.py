"""A site in plain Python, behind nginx. Its only call to the edge is the one that logs someone in."""

import base64
import json
import os
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

EDGE = os.environ.get("EDGE", "http://127.0.0.1:3000")
KEY = os.environ["SESSION_API_KEY"]
PAGE = Path(__file__).parent.parent / "site" / "src" / "page.html"


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/":
            self.reply(200, "text/html; charset=utf-8", PAGE.read_bytes())
        elif self.path == "/me":
            # nginx let this request through, so there is a user.
            payload = json.loads(base64.b64decode(self.headers["x-session-payload"]))
            body = {"role": payload["role"], "user": self.headers["x-session-user-id"]}
            self.reply(200, "application/json", json.dumps(body).encode())
        else:
            self.reply(404, "text/plain", b"there is no such page")

    def do_POST(self):
        if self.path != "/login":
            return self.reply(404, "text/plain", b"there is no such page")
        # A real site looks at a password here. The edge needs to know how the browser came, and what it holds already.
        login = {"userId": "ada", "jwtPayload": {"role": "admin"}}
        call = urllib.request.Request(EDGE + "/auth/session", json.dumps(login).encode(), method="POST")
        call.add_header("authorization", "Bearer " + KEY)
        call.add_header("content-type", "application/json")
        for name in ("cookie", "host", "x-forwarded-proto"):
            if self.headers[name]:
                call.add_header(name, self.headers[name])
        with urllib.request.urlopen(call) as answer:
            headers = json.load(answer)["headers"]
        self.reply(200, "application/json", b'{"status":"OK"}', headers)

    def reply(self, status, kind, body, headers=()):
        self.send_response(status)
        for name, value in [("content-type", kind), ("content-length", str(len(body))), *headers]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Site).serve_forever()
