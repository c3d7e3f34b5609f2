//! Sessions that are bound to a device, through HTTP on every database, with the statements that it takes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use session_tests::prelude::*;

const URI: &str = "https://api.example/refresh";

/// A key, as a browser or another client has one.
struct Device(SigningKey);

impl Device {
    fn new(number: u8) -> Self {
        Self(SigningKey::from_slice(&[number; 32]).expect("a scalar"))
    }

    fn jwk(&self) -> Value {
        let point = self.0.verifying_key().to_sec1_point(false);
        let [x, y] =
            [point.x(), point.y()].map(|half| URL_SAFE_NO_PAD.encode(half.expect("a point")));
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
    }

    fn sign(&self, header: &Value, payload: &Value) -> String {
        let [header, payload] =
            [header, payload].map(|json| URL_SAFE_NO_PAD.encode(json.to_string()));
        let message = format!("{header}.{payload}");
        let signature: Signature = self.0.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    fn registration(&self, challenge: &str) -> String {
        let header = json!({ "alg": "ES256", "typ": "dbsc+jwt", "jwk": self.jwk() });
        self.sign(&header, &json!({ "jti": challenge }))
    }

    fn proof(&self, challenge: &str) -> String {
        self.sign(
            &json!({ "alg": "ES256", "typ": "dbsc+jwt" }),
            &json!({ "jti": challenge }),
        )
    }

    /// The field `dpop` of a request.
    fn dpop(&self, now: i64, nonce: Option<&str>, access: Option<&str>) -> Value {
        let header = json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": self.jwk() });
        let ath = access.map(|token| URL_SAFE_NO_PAD.encode(Sha256::digest(token)));
        let payload = json!({ "jti": "1", "htm": "POST", "htu": URI, "iat": now / 1000, "nonce": nonce, "ath": ath });
        json!({ "proof": self.sign(&header, &payload), "htm": "POST", "htu": URI })
    }
}

async fn ask(service: &Service, method: &str, path: &str, body: Value) -> Reply {
    service.json(method, path, body.to_string()).await
}

async fn refresh(service: &Service, token: &str, field: &str, proof: Value) -> Reply {
    let body = json!({ "refreshToken": token, "idRefreshToken": "-", field: proof });
    ask(service, "PUT", "/refresh", body).await
}

async fn bind(service: &Service, token: &str, proof: &str) -> Reply {
    let body = json!({ "refreshToken": token, "idRefreshToken": "-", "proof": proof });
    ask(service, "POST", "/session/device", body).await
}

async fn start(db: Backend) -> (Service, i64) {
    let service = db
        .service()
        .set("session_binding", true)
        .one_instance()
        .start()
        .await;
    let now = service.freeze().await;
    service.create("warm-up").await;
    (service, now)
}

#[test_on(everywhere)]
async fn a_session_is_bound_in_two_statements_and_refreshed_in_one(db: Backend) {
    let (service, _) = start(db).await;
    let (device, thief) = (Device::new(1), Device::new(2));
    let login = ask(
        &service,
        "POST",
        "/session",
        json!({ "userId": "ada", "deviceBinding": "offer" }),
    )
    .await;
    let (session, offered) = (Session::created(&login), login.string("challenge"));
    let token = &session.refresh.value;
    service.forget_statements().await;
    let bound = bind(&service, token, &device.registration(&offered)).await;
    assert_eq!((&*bound.answer(), service.statements().await), ("OK", 2));
    assert_eq!(
        bind(&service, token, &thief.registration(&offered))
            .await
            .answer(),
        "UNAUTHORISED"
    );

    service.forget_statements().await;
    let missing = service.refresh(token).await;
    assert_eq!(missing.answer(), "DEVICE_PROOF_NEEDED");
    let wrong = refresh(
        &service,
        token,
        "deviceProof",
        thief.proof(&missing.string("challenge")).into(),
    )
    .await;
    assert_eq!(wrong.answer(), "DEVICE_PROOF_NEEDED");
    assert_eq!(service.statements().await, 2, "one each");
    let proof = device.proof(&bound.string("challenge"));
    let child = refresh(&service, token, "deviceProof", proof.into()).await;
    assert_eq!((&*child.answer(), service.statements().await), ("OK", 3));
    let listed = service
        .send("GET", "/session/all?userId=ada", &[], "")
        .await;
    assert!(listed.text().contains("\"bound\":true"), "{listed:?}");
}

#[test_on(everywhere)]
async fn of_many_keys_at_once_one_wins(db: Backend) {
    let (service, _) = start(db).await;
    for binding in ["offer", "require"] {
        let login = ask(
            &service,
            "POST",
            "/session",
            json!({ "userId": "ada", "deviceBinding": binding }),
        )
        .await;
        let (session, offered) = (Session::created(&login), login.string("challenge"));
        let answers = futures::future::join_all((1..=8).map(async |number| {
            let registration = Device::new(number).registration(&offered);
            bind(&service, &session.refresh.value, &registration)
                .await
                .answer()
                == "OK"
        }))
        .await;
        assert_eq!(answers.iter().filter(|won| **won).count(), 1, "{answers:?}");
    }
}

#[test_on(everywhere)]
async fn a_dpop_session_needs_a_proof_everywhere(db: Backend) {
    let (service, now) = start(db).await;
    let (device, thief) = (Device::new(1), Device::new(2));
    let dpop = device.dpop(now, None, None);
    let login = ask(
        &service,
        "POST",
        "/session",
        json!({ "userId": "ada", "dpop": dpop }),
    )
    .await;
    let session = Session::created(&login);
    let token = &session.refresh.value;
    let check = async |dpop: Value| {
        let body =
            json!({ "accessToken": session.access.value, "idRefreshToken": "-", "dpop": dpop });
        ask(&service, "PUT", "/session", body)
            .await
            .answer()
            .to_owned()
    };
    let access = Some(&*session.access.value);
    assert_eq!(
        service.verify(&session.access.value).await.answer(),
        "DEVICE_PROOF_NEEDED"
    );
    assert_eq!(
        check(thief.dpop(now, None, access)).await,
        "DEVICE_PROOF_NEEDED"
    );
    assert_eq!(check(device.dpop(now, None, access)).await, "OK");
    let first = refresh(&service, token, "dpop", device.dpop(now, None, None)).await;
    assert_eq!(first.answer(), "DEVICE_PROOF_NEEDED");
    let nonce = first.string("challenge");
    let stolen = refresh(&service, token, "dpop", thief.dpop(now, Some(&nonce), None)).await;
    assert_eq!(stolen.answer(), "DEVICE_PROOF_NEEDED");
    let child = refresh(
        &service,
        token,
        "dpop",
        device.dpop(now, Some(&nonce), None),
    )
    .await;
    assert_eq!(child.answer(), "OK");
    let access = child.string("newAccessToken.value");
    let claims = URL_SAFE_NO_PAD.decode(access.split('.').nth(1).expect("a JWT"));
    let claims = String::from_utf8(claims.expect("base64")).expect("JSON");
    assert!(claims.contains("\"cnf\":{\"jkt\":"), "{claims}");
}

#[test_on(everywhere)]
async fn what_is_wrong_with_a_binding_is_said(db: Backend) {
    let (service, _) = start(db).await;
    let dpop = |proof: &str, htu: &str| json!({ "proof": proof, "htm": "POST", "htu": htu });
    for (field, value, code, text) in [
        (
            "deviceBinding",
            json!("yes"),
            "invalid_input",
            "deviceBinding must be offer or require",
        ),
        (
            "dpop",
            json!("x"),
            "invalid_input",
            "dpop must be an object",
        ),
        (
            "dpop",
            json!({ "proof": "x" }),
            "invalid_input",
            "dpop.htm is missing",
        ),
        (
            "dpop",
            dpop("x", "/refresh"),
            "invalid_input",
            "dpop.htu must be",
        ),
        (
            "dpop",
            dpop("x", URI),
            "invalid_dpop_proof",
            "dpop.proof is not accepted",
        ),
    ] {
        let reply = ask(
            &service,
            "POST",
            "/session",
            json!({ "userId": "ada", field: value }),
        )
        .await;
        let reply = reply.expect_error(400, code);
        assert!(reply.text().contains(text), "{reply:?}");
    }
    assert_eq!(service.tables().session_count().await, 1);
    let off = db.service().start().await;
    let offered = ask(
        &off,
        "POST",
        "/session",
        json!({ "userId": "ada", "deviceBinding": "offer" }),
    )
    .await;
    assert!(offered.answer() == "OK" && !offered.text().contains("challenge"));
    let required = ask(
        &off,
        "POST",
        "/session",
        json!({ "userId": "ada", "deviceBinding": "require" }),
    )
    .await;
    required.expect_error(400, "invalid_input");
}
