"""A site with a login of its own, on supertokens-python and Flask, and a browser's part in front of it.

Arguments: the core's connection URI and the API key. PyJWT, in the SDK, judges every signature.
"""

import sys
import time

from flask import Flask, g, jsonify
from supertokens_python import InputAppInfo, SupertokensConfig, init
from supertokens_python.framework.flask import Middleware
from supertokens_python.recipe import session
from supertokens_python.recipe.session import syncio as sessions
from supertokens_python.recipe.session.framework.flask import verify_session
from supertokens_python.types import RecipeUserId

uri, key = sys.argv[1:3]
init(
    app_info=InputAppInfo(app_name="site", api_domain="http://127.0.0.1", website_domain="http://127.0.0.1"),
    supertokens_config=SupertokensConfig(connection_uri=uri, api_key=key),
    framework="flask",
    mode="wsgi",
    recipe_list=[session.init(get_token_transfer_method=lambda *_: "header", anti_csrf="NONE")],
)
app = Flask(__name__)
Middleware(app)


@app.post("/login/<user>")
def login(user):
    from flask import request

    made = sessions.create_new_session(request, "public", RecipeUserId(user), {"role": "admin"}, {"cart": [1]})
    return jsonify(handle=made.get_handle())


@app.get("/me")
@verify_session()
def me():
    return jsonify(user=g.supertokens.get_user_id(), payload=g.supertokens.get_access_token_payload())


@app.get("/checked")
@verify_session(check_database=True)
def checked():
    return jsonify(payload=g.supertokens.get_access_token_payload())


@app.post("/logout")
@verify_session()
def logout():
    g.supertokens.sync_revoke_session()
    return jsonify()


class Browser:
    """A client that keeps its tokens as the front-end SDKs do in header mode."""

    def __init__(self, tokens=None):
        self.http, self.tokens = app.test_client(), dict(tokens or {})

    def send(self, method, path, token=None):
        headers = {"st-auth-mode": "header", "rid": "session"}
        token = token or self.tokens.get("access")
        if token:
            headers["authorization"] = f"Bearer {token}"
        reply = self.http.open(path, method=method, headers=headers)
        for name in ("access", "refresh"):
            self.tokens[name] = reply.headers.get(f"st-{name}-token", self.tokens.get(name))
        return reply

    def login(self, user):
        reply = self.send("POST", f"/login/{user}")
        assert reply.status_code == 200, reply.text
        self.handle = reply.json["handle"]
        return self

    def refresh(self):
        return self.send("POST", "/auth/session/refresh", self.tokens["refresh"])


def login_verify_and_refresh():
    browser = Browser().login("ada")
    assert "-" in browser.handle
    assert browser.send("GET", "/me").json["payload"]["role"] == "admin"
    assert browser.refresh().status_code == 200
    child = browser.tokens["access"]
    assert browser.send("GET", "/me").json["user"] == "ada"
    assert browser.tokens["access"] != child


def theft_is_seen_and_ends_the_session():
    browser = Browser().login("eve")
    thief = Browser(browser.tokens)
    for _ in range(2):
        assert browser.refresh().status_code == 200
        assert browser.send("GET", "/me").status_code == 200
    assert thief.refresh().status_code == 401
    assert sessions.get_session_information(browser.handle) is None


def sign_out_list_and_revoke():
    user = f"gus-{time.time_ns()}"
    handles = [Browser().login(user).handle for _ in range(3)]
    assert sorted(sessions.get_all_session_handles_for_user(user)) == sorted(handles)
    assert sessions.revoke_session(handles[0]) and not sessions.revoke_session(handles[0])
    assert len(sessions.revoke_all_sessions_for_user(user)) == 2
    browser = Browser().login(user)
    assert browser.send("POST", "/logout").status_code == 200
    assert sessions.get_all_session_handles_for_user(user) == []


def data_and_payload_by_handle():
    browser = Browser().login("hal")
    assert sessions.update_session_data_in_database(browser.handle, {"cart": [2, None]})
    assert sessions.merge_into_access_token_payload(browser.handle, {"role": "user"})
    assert sessions.get_session_information(browser.handle).session_data_in_database == {"cart": [2, None]}
    assert browser.send("GET", "/me").json["payload"]["role"] == "admin"
    assert browser.send("GET", "/checked").json["payload"]["role"] == "user"
    assert browser.send("GET", "/me").json["payload"]["role"] == "user"


for scenario in (
    login_verify_and_refresh,
    theft_is_seen_and_ends_the_session,
    sign_out_list_and_revoke,
    data_and_payload_by_handle,
):
    scenario()
    print("ok", scenario.__name__, file=sys.stderr)
