//! Access tokens and a JOSE implementation that somebody else wrote: PyJWT.

use serde_json::{Value, json};
use session_tests::prelude::*;
use session_tests::python::{self, PYJWT};

const VERIFY: &str = "
import base64, json, jwt, sys
token, key = sys.argv[1:]
key = base64.urlsafe_b64decode(key + '=')
print(json.dumps({
    'header': jwt.get_unverified_header(token),
    'claims': jwt.decode(token, key, algorithms=['HS256'],
                         options={'require': ['exp', 'iat', 'sub']}),
}))
try:
    jwt.decode(token, b'x' * 32, algorithms=['HS256'])
    sys.exit('a wrong key was accepted')
except jwt.InvalidSignatureError:
    pass
";

#[test_on(everywhere)]
async fn pyjwt_verifies_an_access_token_with_the_key_of_the_database(db: Backend) {
    let service = db.service().start().await;
    let payload = r#"{"role":"admin","name":"Zoë 🦀","n":9007199254740993}"#;
    let session = service.create_with_payload("ada 🦀", payload).await;
    let key = service.tables().signing_keys().await.remove(0);
    let arguments = vec![session.access.value.clone(), key.key_value.clone()];
    let output = python::run(PYJWT, VERIFY, arguments).await;
    let seen: Value = serde_json::from_str(&output).expect("the script prints JSON");
    assert_eq!(
        seen["header"],
        json!({"alg": "HS256", "typ": "JWT", "kid": key.kid()})
    );
    assert_eq!(seen["claims"], Jwt::parse(&session.access.value).claims);
    assert_eq!(seen["claims"]["sub"], "ada 🦀");
    assert_eq!(seen["claims"]["userPayload"]["n"], 9007199254740993_i64);
}
