//! Sign-out of a user's other sessions.

use http::{StatusCode, request};

use super::client::Transport;
use super::cookies::Cookies;
use super::failure::Failure;
use super::flow::{Edge, SessionState, end};
use super::navigation::{self, Target};
use super::reply::{self, Reply};

impl<T: Transport> Edge<T> {
    /// Ends the user's sessions but the one that an access token names, which must be valid.
    pub(super) async fn sign_out_others(
        &self,
        cookies: &Cookies,
        head: &request::Parts,
    ) -> Result<Reply, Failure> {
        let target = match Target::of_query(&head.uri) {
            Ok(target) => target,
            Err(invalid) => return Ok(reply::invalid_target(invalid)),
        };
        let known = self
            .who(cookies, &cookies.access_tokens(&head.headers))
            .await?;
        let mut reply = match &known {
            SessionState::Active(session, _) => match self.sessions.revoke_others(session).await? {
                true => reply::ok(),
                false => {
                    let mut reply = reply::none_excepted();
                    end(reply.headers_mut(), cookies);
                    return Ok(reply);
                }
            },
            SessionState::Expired => {
                let refresh = self.refresh_first(cookies, head);
                let status = navigation::redirect_status(&head.method);
                return Ok(refresh.map_or_else(reply::try_refresh, |to| to.redirect(status)));
            }
            SessionState::Missing | SessionState::Ended => reply::unauthorised(),
        };
        if let Some(target) = target {
            reply = target.redirect(StatusCode::SEE_OTHER);
        }
        match known {
            SessionState::Active(..) => self.settle(reply.headers_mut(), cookies, known),
            _ => end(reply.headers_mut(), cookies),
        }
        Ok(reply)
    }
}
