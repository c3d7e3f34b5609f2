//! Access tokens signed with an operator's own key, from a file that is mounted into the component.

use std::fs;

use session_tests::prelude::*;
use session_tests::service::Setup;
use testbed::folder::TempFolder;
use testbed::workspace_root;

/// 32 bytes, not all of them text.
const KEY: &[u8; 32] = b"\x00\xff\xfe a key of thirty-two bytes \x01\x02";

/// The application with a folder of key files of the test's own.
fn with_keys(setup: Setup, keys: &TempFolder) -> Setup {
    let root = workspace_root();
    let manifest = fs::read_to_string(root.join("spin.toml")).expect("spin.toml can be read");
    let target = format!("source = \"{}/target/", root.display());
    let folder = format!("source = \"{}\"", keys.path().display());
    let changed = manifest
        .replace("source = \"target/", &target)
        .replace("source = \"keys\"", &folder);
    assert!(
        changed.contains(&folder),
        "spin.toml mounts the folder keys"
    );
    let path = keys.path().join("spin.toml");
    fs::write(&path, changed).expect("a manifest can be written");
    setup.argument("--from", path.display())
}

#[test_on(everywhere)]
async fn the_key_in_the_file_signs_and_stays(db: Backend) {
    let keys = TempFolder::new().expect("a folder can be made");
    fs::write(keys.path().join("own"), KEY).expect("a key can be written");
    let place = db.place().await;
    let setup = || {
        with_keys(place.service(), &keys)
            .set("access_token_signing_key_path", "/keys/own")
            .set("access_token_signing_key_update_interval", 1)
    };
    let service = setup().start().await;
    let elsewhere = setup().start().await;
    let start = service.freeze().await;
    elsewhere.freeze_at(start).await;

    let first = service.create("ada").await;
    let token = Jwt::parse(&first.access.value);
    let claims = Jwt::claims_text(&first.access.value);
    assert_eq!(
        sign(&token.header, claims.as_bytes(), KEY),
        first.access.value
    );
    elsewhere.expect_good(&first).await;

    service.freeze_at(start + 5 * HOUR).await;
    service.tick().await;
    let later = service.create("ada").await;
    assert_eq!(Jwt::parse(&later.access.value).header, token.header);
    let child = service.child(&later).await;
    service.expect_good(&child).await;
    for key in place.tables().key_rows().await {
        assert_ne!(key.bytes(), KEY, "the file's key is in the database");
    }
}

#[test_on(everywhere)]
async fn a_file_that_is_missing_or_too_short_stops_every_request(db: Backend) {
    let keys = TempFolder::new().expect("a folder can be made");
    fs::write(keys.path().join("short"), &KEY[..31]).expect("a key can be written");
    fs::write(keys.path().join("empty"), "").expect("a key can be written");
    for path in [
        "/keys/short",
        "/keys/empty",
        "/keys/missing",
        "/keys",
        "/etc/hostname",
    ] {
        let setup = with_keys(db.service(), &keys).set("access_token_signing_key_path", path);
        let service = setup.start().await;
        let reply = service.post_session(r#"{"userId":"ada"}"#).await;
        let reply = reply.expect_error(500, "misconfigured");
        assert!(!reply.text().contains(path), "{reply:?}");
        service
            .expect_logged(&["access_token_signing_key_path", path])
            .await;
    }
}
