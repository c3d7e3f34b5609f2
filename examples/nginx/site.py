"""A site in plain Python, behind a proxy. Its only call to the edge is the one that logs someone in."""

import base64
import json
import os
import sys
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

EDGE = os.environ.get("EDGE", "http://127.0.0.1:3000")
KEY = os.environ["SESSION_API_KEY"]
MORE = "x" * int(os.environ.get("PAYLOAD_PADDING", "0"))
PAGE = Path(__file__).parent.parent / "site" / "src" / "page.html"


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/":
            self.reply(200, "text/html; charset=utf-8", PAGE.read_bytes())
        elif path == "/me":
            # the proxy let this request through, so there is a user.
            payload = json.loads(base64.b64decode(self.headers["x-session-payload"]))
            body = {"role": payload["role"], "user": self.headers["x-session-user-id"]}
            if self.headers["x-session-auth-time"]:
                body["authenticated"] = int(self.headers["x-session-auth-time"])
            self.reply(200, "application/json", json.dumps(body).encode())
        else:
            self.reply(404, "text/plain", b"there is no such page")

    def do_POST(self):
        if self.path != "/login":
            return self.reply(404, "text/plain", b"there is no such page")
        # A real site looks at a password here. The edge needs to know how the browser came, what it holds already, and
        # which site's page sent the form.
        login = {"userId": "ada", "jwtPayload": {"role": "admin", "more": MORE}}
        call = urllib.request.Request(EDGE + "/auth/session", json.dumps(login).encode(), method="POST")
        call.add_header("authorization", "Bearer " + KEY)
        call.add_header("content-type", "application/json")
        for name in ("cookie", "host", "origin", "sec-fetch-site", "x-forwarded-proto"):
            if self.headers[name]:
                call.add_header(name, self.headers[name])
        try:
            with urllib.request.urlopen(call) as answer:
                headers = json.load(answer)["headers"]
        except urllib.error.HTTPError as refusal:
            return self.reply(refusal.code, "application/json", refusal.read())
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
