"""A site's backend that keeps its sessions in cookies, over the native API: login, guard, refresh, logout, theft, 503."""
import functools, json, os, urllib.request
from flask import Flask, after_this_request, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.serving import make_server

SESSIONS, KEY = os.environ.get("SESSIONS", "http://127.0.0.1:3000"), os.environ.get("KEY", "")
ACCESS, REFRESH, ID = "__Host-access", "__Secure-refresh", "__Host-id"
OPTIONS = {
    # A stale access token means "refresh", so its cookie outlives it.
    ACCESS: {"path": "/", "httponly": True, "max_age": 400 * 86_400},
    REFRESH: {"path": "/refresh", "httponly": True},
    ID: {"path": "/"},
}
app = Flask(__name__)

def ask(method, path, body):
    """Asks the session service. An error of any kind says nothing about the session."""
    headers = {"content-type": "application/json", "api-key": KEY}
    call = urllib.request.Request(SESSIONS + path, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(call, timeout=5) as reply:
        return json.load(reply)

def read(name):
    """What the browser has sent; a cookie that is gone is an empty text."""
    return request.cookies.get(name, "")

def write(cookies):
    """Sets cookies on the reply to this request; None removes one."""
    @after_this_request
    def with_cookies(response):
        for name, token in cookies.items():
            options = {"expires": token["expires"] / 1000, **OPTIONS[name]} if token else {**OPTIONS[name], "max_age": 0}
            response.set_cookie(name, token["value"] if token else "", secure=True, samesite="Lax", **options)
        return response

def guard(view):
    @functools.wraps(view)
    def guarded():
        answer = ask("PUT", "/session", {"accessToken": read(ACCESS), "idRefreshToken": read(ID)})
        if answer["status"] == "UNAUTHORISED":
            write({ACCESS: None, REFRESH: None, ID: None})
        if answer["status"] != "OK":
            return {"error": answer["status"]}, 401
        if "newAccessToken" in answer:
            write({ACCESS: answer["newAccessToken"]})
        g.session = answer["session"]
        return view()
    return guarded

@app.before_request
def only_our_pages_change_something():
    ours = request.headers.get("sec-fetch-site") in ("same-origin", "none")
    if request.method not in ("GET", "HEAD") and not ours:
        return {"error": "cross_site"}, 403

@app.after_request
def private(response):
    response.headers["cache-control"] = "no-store"
    return response

@app.post("/login")
def login():
    # Check the password here.
    answer = ask("POST", "/session", {"userId": request.json["user"], "jwtPayload": {"role": "reader"}})
    write({ACCESS: answer["accessToken"], REFRESH: answer["refreshToken"], ID: answer["idRefreshToken"]})
    return {"user": answer["session"]["userId"]}

@app.post("/refresh")
def refresh():
    answer = ask("PUT", "/refresh", {"refreshToken": read(REFRESH), "idRefreshToken": read(ID)})
    if answer["status"] != "OK":
        theft = answer["sessionTheftDetected"]
        if theft["value"]:
            ask("DELETE", "/session/all", {"userId": theft["session"]["userId"]})
        write({ACCESS: None, REFRESH: None, ID: None})
        return {"error": "token_theft" if theft["value"] else answer["status"]}, 401
    write({ACCESS: answer["newAccessToken"], REFRESH: answer["newRefreshToken"], ID: answer["newIdRefreshToken"]})
    return {"user": answer["session"]["userId"]}

@app.get("/me")
@guard
def me():
    return {"user": g.session["userId"]}

@app.post("/logout")
@guard
def logout():
    ask("DELETE", "/session", {"sessionHandle": g.session["handle"]})
    write({ACCESS: None, REFRESH: None, ID: None})
    return {}

@app.errorhandler(Exception)
def failed(error):
    if isinstance(error, HTTPException):
        return {"error": "bad_request"}, error.code
    app.logger.error("%r", error)
    return {"error": "unavailable"}, 503, {"retry-after": "1"}

if __name__ == "__main__":
    server = make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), app, threaded=True)
    print(f"http://127.0.0.1:{server.port}", flush=True)
    server.serve_forever()
