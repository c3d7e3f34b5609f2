//! Binding a session to a key of a device, and holding proofs of that key against what they have to say.

use std::time::Duration;

use session_core::domain::device::challenge::{self, Purpose};
use session_core::domain::device::dpop::{DpopProof, ProvenRequest};
use session_core::domain::device::{Binding, DeviceKey, KeyThumbprint, ProofError, dbsc};
use session_core::domain::keys::KeyRing;
use session_core::domain::protocol::Protocol;
use session_core::domain::session::StoredSession;
use session_core::domain::time::Timestamp;
use session_core::domain::token::access::AccessClaims;
use session_core::domain::token::refresh::RefreshToken;
use session_core::log::{Event, TokenKind};
use session_core::platform::Platform;
use session_store::Store;

use super::{Result, Service};

/// How long after a login its session can be bound: browsers do it at once.
const BIND_WITHIN: Duration = Duration::from_secs(60);

/// How far ahead the clock of the instance that made a challenge may be.
const MAX_SKEW: Duration = Duration::from_secs(60);

/// How much longer than an access token a browser's challenge is good, so that one which came with the token is good when
/// it has expired.
const CHALLENGE_MARGIN: Duration = Duration::from_secs(300);

/// Whether a new session is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewBinding {
    /// It is not.
    None,
    /// A browser may bind it.
    Offered,
    /// A browser has to bind it before its first refresh.
    Required,
    /// It is, to this key.
    To(DeviceKey),
}

impl NewBinding {
    /// What its row says.
    pub(super) fn stored(self) -> Binding {
        match self {
            Self::None | Self::Offered => Binding::Unbound,
            Self::Required => Binding::Required,
            Self::To(key) => Binding::Bound(key),
        }
    }
}

/// A DPoP proof and the request that it has to be for.
#[derive(Clone, Copy, Debug)]
pub struct Dpop<'a> {
    /// The proof.
    pub proof: &'a str,
    /// The request.
    pub request: &'a ProvenRequest,
}

/// What came with a refresh token to show that it comes from the session's device.
#[derive(Clone, Copy, Debug)]
pub enum DeviceProof<'a> {
    /// What a browser has signed; empty: it asks for a challenge.
    Browser(&'a str),
    /// What any other client has signed.
    Dpop(Dpop<'a>),
}

/// What a reply says of a session's device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceGrant {
    /// What the browser has to sign: to bind the session, or for the next refresh of a bound one.
    pub challenge: Option<String>,
    /// What the access token is bound to.
    pub(super) key: Option<KeyThumbprint>,
}

/// What a proof with a refresh token has led to.
pub(super) enum Proven {
    /// The session is not bound, or the proof is right: then how it was made.
    Yes(Option<Kind>),
    /// The proof is missing, wrong or too old.
    No,
    /// The session had to be bound by now.
    TooLate,
}

/// The kinds of right proofs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Browser,
    Dpop(KeyThumbprint),
}

impl<S: Store, P: Platform> Service<S, P> {
    /// The key that has made a DPoP proof for a login.
    ///
    /// # Errors
    /// If the proof is wrong.
    pub fn key_of_login(&self, dpop: Dpop<'_>) -> std::result::Result<DeviceKey, ProofError> {
        DpopProof::verify(dpop.proof, dpop.request, self.platform.now()).map(|proof| proof.key)
    }

    /// What the reply to a login says of the device.
    pub(super) fn new_device(
        &self,
        binding: NewBinding,
        token: &RefreshToken,
        ring: &KeyRing,
        now: Timestamp,
    ) -> DeviceGrant {
        let offer = || challenge::make(Purpose::Bind, token, now, ring.refresh_key());
        match binding {
            NewBinding::None => DeviceGrant::default(),
            NewBinding::Offered | NewBinding::Required => DeviceGrant {
                challenge: Some(offer()),
                key: None,
            },
            NewBinding::To(key) => {
                let session = token.claims.handle.hash();
                self.log(&Event::DeviceBound { session });
                DeviceGrant {
                    challenge: None,
                    key: Some(key.thumbprint()),
                }
            }
        }
    }

    /// Binds a session to the key of a browser's registration, if that has signed the challenge of the session's login.
    /// Of several keys one wins. The challenge for the first refresh; none if the session is not bound to this key.
    ///
    /// # Errors
    /// If the database does not answer, or the keys cannot be loaded.
    pub async fn bind(&self, text: &str, proof: &str) -> Result<Option<String>> {
        let ring = self.keys.ring().await?;
        let now = self.platform.now();
        let token = match RefreshToken::verify(text, Protocol::Native, ring.refresh_keys()) {
            Ok(token) => token,
            Err(error) => {
                self.log_rejected(TokenKind::Refresh, None, &error);
                return Ok(None);
            }
        };
        let handle = token.claims.handle.hash();
        let wrong = |reason: ProofError| {
            self.log(&Event::DeviceProofWrong {
                session: handle,
                reason: &reason,
            });
            Ok(None)
        };
        let key = match registered_key(proof, &token, &ring, now) {
            Ok(key) => key,
            Err(reason) => return wrong(reason),
        };
        let stored = self.store.bind(handle, token.double_hash(), key, now);
        match stored.await?.map(|stored| stored.binding) {
            None => Ok(None),
            Some(binding) if binding == Binding::Bound(key) => {
                self.log(&Event::DeviceBound { session: handle });
                let refresh_key = ring.refresh_key();
                Ok(Some(challenge::make(
                    Purpose::Refresh,
                    &token,
                    now,
                    refresh_key,
                )))
            }
            // Another key was first, or the session has been refreshed meanwhile.
            Some(_) => wrong(ProofError::TooLate),
        }
    }

    /// Holds what came with a refresh token against the session's key.
    pub(super) fn prove(
        &self,
        stored: &StoredSession,
        token: &RefreshToken,
        ring: &KeyRing,
        proof: Option<DeviceProof<'_>>,
        now: Timestamp,
    ) -> Proven {
        let session = token.claims.handle.hash();
        let key = match stored.binding {
            Binding::Unbound => return Proven::Yes(None),
            Binding::Required => {
                self.log(&Event::DeviceBindingMissing { session });
                return Proven::TooLate;
            }
            Binding::Bound(key) => key,
        };
        let checked = match proof {
            None => {
                self.log(&Event::DeviceProofMissing { session });
                return Proven::No;
            }
            Some(DeviceProof::Browser("")) => return Proven::No,
            Some(DeviceProof::Browser(proof)) => dbsc::refresh(proof, &key).map(|challenge| {
                let made_at = made_at(&challenge, Purpose::Refresh, token, ring);
                let good_for = self.access_validity(stored.limits) + CHALLENGE_MARGIN;
                (Kind::Browser, made_at, good_for)
            }),
            Some(DeviceProof::Dpop(dpop)) => DpopProof::verify(dpop.proof, dpop.request, now)
                .and_then(|proof| match (proof.key == key, proof.nonce) {
                    (false, _) => Err(ProofError::WrongSignature),
                    (true, nonce) => Ok(nonce),
                })
                .map(|nonce| match nonce {
                    // Its first try.
                    None => (
                        Kind::Dpop(key.thumbprint()),
                        Some(Timestamp::EPOCH),
                        Duration::ZERO,
                    ),
                    Some(nonce) => {
                        let made_at = made_at(&nonce, Purpose::Refresh, token, ring);
                        (Kind::Dpop(key.thumbprint()), made_at, Duration::MAX)
                    }
                }),
        };
        let reason = match checked {
            Ok((_, None, _)) => ProofError::WrongChallenge,
            Ok((kind, Some(made_at), good_for)) => {
                let slot = |time| self.reuse_window(stored.limits).issue(time).time();
                let is_fresh = made_at <= now.plus(MAX_SKEW)
                    && now.since(made_at) <= good_for
                    // In another slot a proof that is sent again would get another child.
                    && (kind == Kind::Browser || slot(made_at) == slot(now));
                return match is_fresh {
                    true => Proven::Yes(Some(kind)),
                    // The device is the right one, and gets another challenge.
                    false => Proven::No,
                };
            }
            Err(reason) => reason,
        };
        self.log(&Event::DeviceProofWrong {
            session,
            reason: &reason,
        });
        Proven::No
    }

    /// Whether what came with an access token shows that it is in the hands of the key that it names, if it names one.
    pub(super) fn has_proof(
        &self,
        claims: &AccessClaims,
        token: &str,
        dpop: Option<Dpop<'_>>,
        now: Timestamp,
    ) -> bool {
        let Some(key) = claims.key else {
            return true;
        };
        let session = claims.handle.hash();
        let Some(dpop) = dpop else {
            self.log(&Event::DeviceProofMissing { session });
            return false;
        };
        let proof = DpopProof::verify(dpop.proof, dpop.request, now);
        let checked = proof.and_then(|proof| match proof.key.thumbprint() == key {
            true => proof.check_access_token(token),
            false => Err(ProofError::WrongSignature),
        });
        if let Err(reason) = checked {
            self.log(&Event::DeviceProofWrong {
                session,
                reason: &reason,
            });
        }
        checked.is_ok()
    }
}

fn made_at(
    text: &str,
    purpose: Purpose,
    token: &RefreshToken,
    ring: &KeyRing,
) -> Option<Timestamp> {
    challenge::made_at(text, purpose, token, ring.refresh_keys())
}

/// The key of a registration that has signed the challenge of the login that this token is from.
fn registered_key(
    proof: &str,
    token: &RefreshToken,
    ring: &KeyRing,
    now: Timestamp,
) -> std::result::Result<DeviceKey, ProofError> {
    let (key, challenge) = dbsc::registration(proof)?;
    let made_at = made_at(&challenge, Purpose::Bind, token, ring);
    let is_in_time =
        |made_at: &Timestamp| *made_at <= now.plus(MAX_SKEW) && now <= made_at.plus(BIND_WITHIN);
    match made_at.filter(is_in_time) {
        Some(_) => Ok(key),
        None => Err(ProofError::WrongChallenge),
    }
}
