//! A service behind HTTP, for games against the reference.

use std::sync::atomic::Ordering;

use session_reference::subject::{self, Grant, Request, Subject};

use crate::client::{Session, Token};
use crate::reply::Reply;
use crate::service::Service;
use crate::watch::data;

/// A service, and what its users' ids begin with: each game has users of its own.
pub struct Http<'a> {
    /// The service.
    pub service: &'a Service,
    /// What the ids of this game's users begin with.
    pub users: String,
}

impl Http<'_> {
    fn user(&self, number: u8) -> String {
        format!("{}-{number}", self.users)
    }

    /// Does what no caller can.
    async fn meet(&self, request: Request<'_>) {
        let statements = match request {
            Request::Clock(now) => return self.service.freeze_at(now).await,
            Request::BackUp => {
                // The service makes its tables when it first needs them.
                self.service.send("GET", "/status", &[], "").await;
                [
                    "DROP TABLE IF EXISTS backup",
                    "CREATE TABLE backup AS SELECT * FROM refresh_tokens",
                ]
            }
            Request::Restore => [
                "DELETE FROM refresh_tokens",
                "INSERT INTO refresh_tokens SELECT * FROM backup",
            ],
            _ => return self.service.tick().await,
        };
        for statement in statements {
            self.service.tables().query(statement, &[]).await;
        }
    }
}

impl Subject for Http<'_> {
    fn now(&self) -> Option<i64> {
        let now = self.service.frozen_at.load(Ordering::Relaxed);
        (now != 0).then_some(now)
    }

    async fn ask(&mut self, request: Request<'_>) -> Result<subject::Response, String> {
        let service = self.service;
        let reply = match request {
            Request::Create(user, number) => {
                let user = self.user(user);
                let session = service.create_with_data(&user, &data(number)).await;
                return granted(session);
            }
            Request::Refresh(token) => service.refresh(token).await,
            Request::Verify(token) => service.verify(token).await,
            Request::Delete(handle) => service.revoke(handle).await,
            Request::DeleteAll(user) => service.revoke_all(&self.user(user)).await,
            Request::Read(handle) => service.data(handle).await,
            Request::Write(handle, number) => service.write_data(handle, &data(number)).await,
            Request::Clock(_) | Request::Tick | Request::BackUp | Request::Restore => {
                self.meet(request).await;
                return Ok(subject::Response::Done);
            }
        };
        answer(request, &reply)
    }
}

fn granted(session: Session) -> Result<subject::Response, String> {
    if session.id.expires != session.refresh.expires {
        return Err(format!("{:?} beside {:?}", session.id, session.refresh));
    }
    Ok(subject::Response::Granted(Grant {
        handle: session.handle,
        refresh: known(session.refresh),
        access: known(session.access),
    }))
}

fn known(token: Token) -> subject::Token {
    let Token { value, expires } = token;
    subject::Token { value, expires }
}

fn answer(request: Request<'_>, reply: &Reply) -> Result<subject::Response, String> {
    let theft = reply.part("sessionTheftDetected.value").as_deref() == Some("true");
    Ok(match (&*reply.answer(), request) {
        ("OK", Request::Refresh(_)) => return granted(Session::refreshed(reply)),
        ("OK", Request::Verify(_)) => {
            let replacement = reply
                .part("newAccessToken")
                .map(|_| known(Token::read(reply, "newAccessToken")));
            subject::Response::Good(reply.string("session.handle"), replacement)
        }
        ("OK", Request::Delete(_)) => {
            subject::Response::Deleted(reply.part("deletedAnyEntry").as_deref() == Some("true"))
        }
        ("OK", Request::Read(_)) => subject::Response::Data(number(reply)?),
        ("OK", _) => subject::Response::Done,
        ("UNAUTHORISED", Request::Refresh(_)) if theft => {
            subject::Response::Theft(reply.string("sessionTheftDetected.session.handle"))
        }
        ("UNAUTHORISED", _) => subject::Response::Unauthorised,
        ("TRY_REFRESH_TOKEN", Request::Verify(_)) => subject::Response::TryRefreshToken,
        _ => return Err(format!("no answer of the contract: {reply:?}")),
    })
}

/// The number in the session data of a reply; none if there is no data.
fn number(reply: &Reply) -> Result<Option<u64>, String> {
    let Some(text) = reply.part("sessionData") else {
        return Ok(None);
    };
    let digits = text.trim_end_matches('"').rsplit(' ').next();
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(number) if data(number) == text => Ok(Some(number)),
        _ => Err(format!("other data than was written: {reply:?}")),
    }
}
