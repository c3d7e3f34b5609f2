//! The replies that list something.

use serde::Serialize;
use session_core::domain::id::{HandleHash, SessionHandle};
use session_core::domain::json::Json;
use session_core::domain::time::Timestamp;
use session_service::{Listed, Page, RevocationPage, RevokedUntil};

use super::reply::is_false;
use crate::reply::Reply;

pub(super) fn listed(page: &Page) -> Reply {
    #[derive(Serialize)]
    struct List<'a> {
        message: &'a str,
        status: &'a str,
        sessions: Vec<Item<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<&'a str>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Item<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        handle: Option<String>,
        created_at: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        last_active_at: Option<u64>,
        expires: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        ends_at: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<&'a Json>,
        #[serde(skip_serializing_if = "is_false")]
        bound: bool,
    }
    fn item(session: &Listed) -> Item<'_> {
        Item {
            handle: session.handle.as_ref().map(SessionHandle::reveal),
            created_at: session.created_at.as_millis(),
            last_active_at: session.last_active_at.map(Timestamp::as_millis),
            expires: session.expires_at.as_millis(),
            ends_at: session.ends_at.map(Timestamp::as_millis),
            client: session.client.as_ref(),
            bound: session.bound,
        }
    }
    Reply::ok(&List {
        message: "the user's sessions",
        status: "OK",
        sessions: page.sessions.iter().map(item).collect(),
        cursor: page.next.as_ref().map(HandleHash::as_str),
    })
}

pub(super) fn revocations(page: &RevocationPage) -> Reply {
    #[derive(Serialize)]
    struct Revocations<'a> {
        message: &'a str,
        status: &'a str,
        revocations: Vec<Item<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next: Option<String>,
        now: u64,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Item<'a> {
        session_handle_hash: &'a str,
        until: u64,
        reason: &'a str,
    }
    fn item(revoked: &RevokedUntil) -> Item<'_> {
        Item {
            session_handle_hash: revoked.handle.as_str(),
            until: revoked.until.as_millis(),
            reason: revoked.reason.as_str(),
        }
    }
    Reply::ok(&Revocations {
        message: "revoked sessions",
        status: "OK",
        revocations: page.revocations.iter().map(item).collect(),
        next: page.next.as_ref().map(ToString::to_string),
        now: page.now.as_millis(),
    })
}
