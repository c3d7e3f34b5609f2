//! Sessions that are bound to a device: who can refresh them, who can bind them, and what a thief gets.

use serde_json::{Value, json};
use session_core::domain::authentication::Authentication;
use session_core::domain::device::dpop::ProvenRequest;
use session_core::platform::Platform as _;
use session_core::testing::{Device, START};

use super::*;
use crate::{DeviceProof, Dpop, Reauthenticated};

const URI: &str = "https://api.example/refresh";

fn world() -> World {
    World::new(&[("session_binding", "true")])
}

impl World {
    fn log_in(&self, binding: NewBinding) -> Grant {
        let created = self.service.create(
            Login {
                binding,
                ..login(user("bob"), None, None)
            },
            TokenOptions::NATIVE,
        );
        ready(created).unwrap()
    }

    fn bind(&self, token: &Token, proof: &str) -> Option<String> {
        ready(self.service.bind(&token.value, proof)).unwrap()
    }

    /// A session that this device has bound, and the challenge for its first refresh.
    fn bound(&self, device: &Device) -> (Grant, String) {
        let grant = self.log_in(NewBinding::Offered);
        let registration = device.registration(&grant.device.challenge.clone().unwrap());
        let challenge = self.bind(&grant.refresh, &registration).unwrap();
        (grant, challenge)
    }

    fn prove(&self, token: &Token, proof: DeviceProof<'_>) -> Refreshed {
        let options = TokenOptions::NATIVE;
        ready(
            self.service
                .refresh(&token.value, None, None, Some(proof), options),
        )
        .unwrap()
    }

    fn browser(&self, token: &Token, proof: &str) -> Refreshed {
        self.prove(token, DeviceProof::Browser(proof))
    }

    fn logged(&self, name: &str) -> usize {
        self.platform
            .lines()
            .iter()
            .filter(|line| line.1.contains(name))
            .count()
    }
}

fn challenge(answer: &Refreshed) -> String {
    match answer {
        Refreshed::DeviceProofNeeded(challenge) => challenge.clone(),
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn a_browser_binds_and_refreshes() {
    let (world, device) = (world(), Device::new(1));
    let (mut grant, mut next) = world.bound(&device);
    for _ in 0..3 {
        world.wait(3600);
        grant = child(world.browser(&grant.refresh, &device.proof(&next)));
        assert!(grant.session.bound);
        // With a reply comes the challenge for the next refresh.
        next = grant.device.challenge.clone().unwrap();
    }
    // Older than the access token that it came with, and then some: the device is asked again.
    world.wait(3600 + 301);
    let again = challenge(&world.browser(&grant.refresh, &device.proof(&next)));
    child(world.browser(&grant.refresh, &device.proof(&again)));
    assert_eq!(world.logged("device_proof"), 0);
    assert_eq!(world.service.counters().proofs_missing, 0);
}

#[test]
fn a_stolen_jar_refreshes_nothing_and_puts_nobody_out() {
    let (world, device, thief) = (world(), Device::new(1), Device::new(2));
    let (grant, next) = world.bound(&device);
    let older = world.bound(&device).0;
    // Without a proof, for whatever token, current or not.
    let asked = challenge(&world.refresh(&grant.refresh));
    assert_eq!(world.logged("device_proof_missing"), 1);
    let others = challenge(&world.refresh(&older.refresh));
    for proof in [
        thief.proof(&asked),
        device.proof("forged"),
        device.proof(""),
        device.proof(&others),
        device.proof(&grant.device.challenge.clone().unwrap()),
        device.dpop("POST", URI, START.as_secs(), &json!({ "jti": asked })),
        "x".repeat(65_536),
    ] {
        challenge(&world.browser(&grant.refresh, &proof));
    }
    assert_eq!(world.logged("device_proof_wrong"), 7);
    let owner = child(world.browser(&grant.refresh, &device.proof(&next)));
    let owner_next = owner.device.challenge.clone().unwrap();
    world.verify(&owner.access);
    world.wait(600);
    // A logged proof is worth nothing once a child of its token is used; a stale copy is no theft without the key.
    challenge(&world.browser(&owner.refresh, &device.proof(&next)));
    challenge(&world.refresh(&grant.refresh));
    child(world.browser(&owner.refresh, &device.proof(&owner_next)));
    assert_eq!(world.logged("theft"), 0);
    // With it, it is one: the key has been copied, too.
    let theft = world.browser(&grant.refresh, &device.proof(&next));
    assert!(matches!(theft, Refreshed::TheftDetected(..)), "{theft:?}");
}

#[test]
fn of_several_keys_the_first_wins() {
    let (world, device, thief) = (world(), Device::new(1), Device::new(2));
    let grant = world.log_in(NewBinding::Offered);
    let offered = grant.device.challenge.clone().unwrap();
    for wrong in [
        device.registration("c"),
        device.proof(&offered),
        String::new(),
    ] {
        assert_eq!(world.bind(&grant.refresh, &wrong), None);
    }
    assert!(
        world
            .bind(&grant.refresh, &device.registration(&offered))
            .is_some()
    );
    assert_eq!(
        world.bind(&grant.refresh, &thief.registration(&offered)),
        None
    );
    // A lost reply.
    let next = world
        .bind(&grant.refresh, &device.registration(&offered))
        .unwrap();
    child(world.browser(&grant.refresh, &device.proof(&next)));
    // Another session's challenge, one that is too old, and one whose token is no longer current.
    let late = world.log_in(NewBinding::Offered);
    assert_eq!(
        world.bind(&late.refresh, &device.registration(&offered)),
        None
    );
    let offered = late.device.challenge.clone().unwrap();
    world.wait(61);
    assert_eq!(
        world.bind(&late.refresh, &device.registration(&offered)),
        None
    );
    let moved = world.log_in(NewBinding::Offered);
    let offered = moved.device.challenge.clone().unwrap();
    world.verify(&world.child(&moved.refresh).access);
    assert_eq!(
        world.bind(&moved.refresh, &device.registration(&offered)),
        None
    );
    // A session that was not offered one has no challenge, and is as ever.
    assert_eq!(world.create().device.challenge, None);
}

#[test]
fn a_session_that_must_be_bound_ends_at_its_first_refresh_otherwise() {
    let (world, device) = (world(), Device::new(1));
    let grant = world.log_in(NewBinding::Required);
    assert_eq!(world.refresh(&grant.refresh), Refreshed::Unauthorised);
    assert_eq!(world.logged("device_binding_missing"), 1);
    let registration = device.registration(&grant.device.challenge.clone().unwrap());
    assert_eq!(world.bind(&grant.refresh, &registration), None);
    let grant = world.log_in(NewBinding::Required);
    let registration = device.registration(&grant.device.challenge.clone().unwrap());
    let next = world.bind(&grant.refresh, &registration).unwrap();
    child(world.browser(&grant.refresh, &device.proof(&next)));
}

/// A client that signs DPoP proofs.
struct Client(Device);

impl Client {
    fn prove(&self, world: &World, token: &Token, more: &Value) -> Refreshed {
        let request = ProvenRequest::new("POST", URI).unwrap();
        let proof = self
            .0
            .dpop("POST", URI, world.platform.now().as_secs(), more);
        let dpop = Dpop {
            proof: &proof,
            request: &request,
        };
        world.prove(token, DeviceProof::Dpop(dpop))
    }

    /// Refreshes as RFC 9449 §8 says: with the nonce that it is given.
    fn refresh(&self, world: &World, token: &Token) -> Grant {
        let nonce = challenge(&self.prove(world, token, &json!({})));
        child(self.prove(world, token, &json!({ "nonce": nonce })))
    }

    fn verify(&self, world: &World, token: &Token, more: &Value) -> Verified {
        let request = ProvenRequest::new("GET", URI).unwrap();
        let proof = self
            .0
            .dpop("GET", URI, world.platform.now().as_secs(), more);
        let dpop = Some(Dpop {
            proof: &proof,
            request: &request,
        });
        let check = Check {
            dpop,
            ..Check::native(world.service.config().access.blacklisting)
        };
        ready(world.service.verify(&token.value, check)).unwrap()
    }
}

#[test]
fn a_dpop_client_proves_its_refreshes_and_its_access_tokens() {
    let (world, client, thief) = (world(), Client(Device::new(1)), Client(Device::new(2)));
    let grant = world.log_in(NewBinding::To(client.0.key()));
    assert!(grant.session.bound);
    let ath = |token: &Token| json!({ "ath": Device::ath(&token.value) });
    let good = client.verify(&world, &grant.access, &ath(&grant.access));
    assert!(
        matches!(good, Verified::Ok(SessionInfo { bound: true, .. }, None)),
        "{good:?}"
    );
    let needed = Verified::DeviceProofNeeded;
    assert_eq!(world.verify(&grant.access), needed);
    assert_eq!(
        thief.verify(&world, &grant.access, &ath(&grant.access)),
        needed
    );
    assert_eq!(client.verify(&world, &grant.access, &json!({})), needed);
    assert_eq!(
        client.verify(&world, &grant.access, &ath(&grant.refresh)),
        needed
    );

    let first = client.refresh(&world, &grant.refresh);
    // A child is confirmed with a proof only.
    assert_eq!(world.verify(&first.access), needed);
    let confirmed = replacement(client.verify(&world, &first.access, &ath(&first.access)));
    assert_eq!(world.verify(&confirmed), needed);

    challenge(&world.refresh(&first.refresh));
    challenge(&thief.prove(&world, &first.refresh, &json!({})));
    // A nonce is good in its slot: there a proof that is sent again gets the same child, elsewhere none.
    let nonce = json!({ "nonce": challenge(&client.prove(&world, &first.refresh, &json!({}))) });
    let [one, two] = [(); 2].map(|()| child(client.prove(&world, &first.refresh, &nonce)));
    assert_eq!(lasting(&one), lasting(&two));
    world.wait(10);
    challenge(&client.prove(&world, &first.refresh, &nonce));
    client.refresh(&world, &first.refresh);
    // Of another token.
    challenge(&client.prove(&world, &one.refresh, &nonce));
    assert_eq!(world.logged("theft"), 0);
}

/// Whoever copied the old session's tokens has none of the new one, and its browser has signed for no token of it.
#[test]
fn a_fresh_login_is_bound_as_it_says_itself() {
    let (world, client) = (world(), Client(Device::new(1)));
    let step_up = |token: &Token, binding, dpop: Option<&str>| {
        let request = ProvenRequest::new("POST", URI).unwrap();
        let dpop = dpop.map(|proof| Dpop {
            proof,
            request: &request,
        });
        let methods = vec!["hwk".to_owned()];
        let now = Authentication::new(None, methods, None, world.platform.now()).unwrap();
        let answer =
            world
                .service
                .reauthenticate(&token.value, now, (binding, dpop), TokenOptions::NATIVE);
        ready(answer).unwrap()
    };
    let again = |answer| match answer {
        Reauthenticated::Ok(grant) => *grant,
        answer => panic!("{answer:?}"),
    };
    let (old, _) = world.bound(&client.0);
    let plain = again(step_up(&old.access, NewBinding::None, None));
    assert_eq!(
        (plain.session.bound, &plain.device.challenge),
        (false, &None)
    );
    let offered = again(step_up(&plain.access, NewBinding::Offered, None));
    let registration = client
        .0
        .registration(&offered.device.challenge.clone().unwrap());
    let next = world.bind(&offered.refresh, &registration).unwrap();
    child(world.browser(&offered.refresh, &client.0.proof(&next)));
    assert_eq!(world.refresh(&old.refresh), Refreshed::Unauthorised);

    let (key, now) = (client.0.key(), START.as_secs());
    let old = world.log_in(NewBinding::To(key));
    let proof = |device: &Device| {
        let ath = json!({ "ath": Device::ath(&old.access.value) });
        device.dpop("POST", URI, now, &ath)
    };
    for wrong in [None, Some(&*proof(&Device::new(2)))] {
        let answer = step_up(&old.access, NewBinding::None, wrong);
        assert_eq!(answer, Reauthenticated::DeviceProofNeeded);
    }
    let new = again(step_up(
        &old.access,
        NewBinding::To(key),
        Some(&proof(&client.0)),
    ));
    assert!(new.session.bound);
    assert_eq!(world.verify(&new.access), Verified::DeviceProofNeeded);
}

#[test]
fn a_wrong_proof_logs_nobody_in() {
    let (world, device) = (world(), Device::new(1));
    let request = ProvenRequest::new("POST", URI).unwrap();
    let key = |proof: &str| {
        world.service.key_of_login(Dpop {
            proof,
            request: &request,
        })
    };
    let now = START.as_secs();
    assert_eq!(
        key(&device.dpop("POST", URI, now, &json!({}))),
        Ok(device.key())
    );
    assert!(key(&device.dpop("PUT", URI, now, &json!({}))).is_err());
    assert!(key(&device.registration("c")).is_err());
}
