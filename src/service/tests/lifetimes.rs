//! When sessions end: an active user is never out before the end of the session, an idle one is out in time, and nothing
//! outlives the end.

use std::time::Duration;

use proptest::prelude::*;
use session_core::domain::lifetime::RequestedLifetime;
use session_core::domain::time::Timestamp;
use session_core::testing::{START, cases, ready};

use super::{Refreshed, Token, TokenOptions, Verified, World, json, login, user};

/// A browser that keeps the tokens that it is handed.
struct Browser<'a> {
    world: &'a World,
    access: Token,
    refresh: Token,
    ends_at: Option<Timestamp>,
}

impl<'a> Browser<'a> {
    fn new(world: &'a World, absolute: Option<u64>, idle: Option<u64>) -> Self {
        let mut login = login(user("bob"), json("{}"), None);
        login.lifetime = RequestedLifetime {
            absolute: absolute.map(Duration::from_secs),
            idle: idle.map(Duration::from_secs),
        };
        let grant = ready(world.service.create(login, TokenOptions::NATIVE)).unwrap();
        assert!(grant.access.expires <= grant.refresh.expires);
        Self {
            world,
            access: grant.access,
            refresh: grant.refresh,
            ends_at: grant.ends_at,
        }
    }

    /// One request of the user's: whether the session is live.
    fn request(&mut self) -> bool {
        for _ in 0..3 {
            match self.world.verify(&self.access) {
                Verified::Ok(_, token) => {
                    self.access = token.unwrap_or_else(|| self.access.clone());
                    return true;
                }
                Verified::Unauthorised => return false,
                Verified::TryRefreshToken | Verified::Reauthenticate(..) => {}
                Verified::DeviceProofNeeded => panic!("none of them is bound"),
            }
            match self.world.refresh(&self.refresh) {
                Refreshed::Ok(grant) => {
                    assert_eq!(grant.ends_at, self.ends_at);
                    assert!(grant.access.expires <= grant.refresh.expires);
                    assert!(grant.refresh.expires <= self.ends_at.unwrap_or(grant.refresh.expires));
                    (self.access, self.refresh) = (grant.access, grant.refresh);
                }
                Refreshed::Unauthorised => return false,
                answer => panic!("{answer:?}"),
            }
        }
        panic!("a refresh brought no access token that is good");
    }
}

proptest! {
    #![proptest_config(cases(60))]

    /// An active user is never out; one who is idle is out after half of the timeout to all of it, and everybody at the
    /// end. Times are whole seconds.
    #[test]
    fn a_session_lives_as_long_as_it_is_used_and_no_longer(
        validity in prop::sample::select(vec!["60", "3600"]),
        window in prop::sample::select(vec!["0", "10"]),
        by_setting: bool,
        idle in 60_u64..5000,
        absolute in prop::option::of(60_u64..50_000),
        pauses in prop::collection::vec(1_u64..=100, 1..60),
        pause_of_all in 0_u64..=100,
    ) {
        let timeout = idle.to_string();
        let mut settings = vec![("access_token_validity", validity), ("refresh_reuse_window", window)];
        if by_setting {
            settings.push(("session_idle_timeout", &timeout));
        }
        let world = World::new(&settings);
        let mut browser = Browser::new(&world, absolute, (!by_setting).then_some(idle));
        let mut now = 0;
        let end = absolute.unwrap_or(u64::MAX);
        for pause in pauses {
            let pause = (idle / 2 * pause / 100).max(1);
            world.wait(pause);
            now += pause;
            prop_assert_eq!(browser.request(), now < end, "active, after {}", now);
        }
        let pause = idle / 2 + idle.div_ceil(2) * pause_of_all / 100;
        world.wait(pause);
        now += pause;
        let is_live = browser.request();
        prop_assert!(!is_live || now < end);
        prop_assert!(!is_live || pause < idle, "idle for {} of {}", pause, idle);
    }
}

/// A refresh late in the life of the row: the child lives on, and its row with it, before anything of it is used.
#[test]
fn what_a_refresh_announces_is_kept() {
    for (wait, calls, unused) in [(300, &["find"][..], 299), (450, &["find", "extend"], 599)] {
        let world = World::new(&[("session_idle_timeout", "600")]);
        let browser = Browser::new(&world, None, None);
        world.wait(wait);
        world.store.calls();
        let child = world.child(&browser.refresh);
        let made = world.store.calls().into_iter();
        assert!(
            made.filter(|call| *call != "keys")
                .eq(calls.iter().copied())
        );
        world.wait(unused);
        world.child(&child.refresh);
    }
}

/// Sessions from before, and logins that ask for nothing: no end, and the validities of the settings.
#[test]
fn without_the_settings_nothing_changes() {
    let world = World::new(&[("refresh_token_validity", "1")]);
    let browser = Browser::new(&world, None, None);
    assert_eq!(browser.ends_at, None);
    assert_eq!(
        browser.access.expires,
        START.plus(Duration::from_secs(3600))
    );
    assert_eq!(browser.refresh.expires, browser.access.expires);
}
