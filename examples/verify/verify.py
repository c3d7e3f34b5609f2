"""Checks access tokens with the key set and the revocations, without asking the session service for each."""
import hashlib, json, os, sys, threading, time, urllib.parse, urllib.request
import jwt

SESSIONS, KEY = os.environ.get("SESSIONS", "http://127.0.0.1:3000"), os.environ.get("KEY", "")
STALE = float(os.environ.get("STALE", "10"))
keys = jwt.PyJWKClient(SESSIONS + "/.well-known/jwks.json", lifespan=60)
revoked = {}  # the SHA-256 of a session's handle, and until when one of its tokens may be good
since, read_at = None, float("-inf")


def read():
    """Reads what was revoked since the last read; to the end, or it does not count."""
    global since, read_at
    began, now, query = time.monotonic(), None, {"since": since} if since else {}
    while True:
        url = SESSIONS + "/session/revocations?" + urllib.parse.urlencode(query)
        with urllib.request.urlopen(urllib.request.Request(url, headers={"api-key": KEY}), timeout=2) as reply:
            page = json.load(reply)
        revoked.update((it["sessionHandleHash"], it["until"]) for it in page["revocations"])
        now = now or page["now"]
        if "next" not in page:
            break
        query = {"after": page["next"]}
    for session in [session for session, until in revoked.items() if until < now]:
        del revoked[session]
    since, read_at = now, began


def check(token):
    """The token's claims; None if it is not good. Raises ConnectionError if that can't be told: answer 503."""
    if time.monotonic() - read_at > STALE:
        raise ConnectionError("the revocations are too old")
    try:
        key = keys.get_signing_key_from_jwt(token)
        require = {"require": ["exp", "sub", "sid"]}
        claims = jwt.decode(token, key, algorithms=["EdDSA", "ES256"], options=require, leeway=30)
    except jwt.PyJWKClientConnectionError as error:
        raise ConnectionError("the key set") from error
    except jwt.PyJWTError:
        return None
    # A token that was just refreshed has to be shown to the service once (PUT /session), which replaces it.
    session = hashlib.sha256(claims["sid"].encode()).hexdigest()
    return None if "prt" in claims or session in revoked else claims


def keep_reading():
    while True:
        try:
            read()
        except Exception as error:
            print(error, file=sys.stderr)
        time.sleep(1)


# Here: a token a line.
threading.Thread(target=keep_reading, daemon=True).start()
for line in sys.stdin:
    try:
        claims = check(line.strip())
        print(f"good {claims['sub']}" if claims else "refused", flush=True)
    except ConnectionError:
        print("unavailable", flush=True)
