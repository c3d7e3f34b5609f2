//! What requests say of the device that they come from.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use session_core::domain::device::dpop::ProvenRequest;
use session_core::platform::Platform;
use session_service::{NewBinding, Service};
use session_store::Store;

use super::input::of_logged_in;
use crate::error::ApiError;
use crate::field::{Text, object, parse};

/// What a login says of the device that it comes from.
pub(super) enum Device<'a> {
    Nothing,
    Offer,
    Require,
    Dpop(Dpop<'a>),
}

impl Device<'_> {
    /// The proof of its key.
    pub(super) fn proof(&self) -> Option<session_service::Dpop<'_>> {
        match self {
            Self::Dpop(dpop) => Some(dpop.as_proof()),
            _ => None,
        }
    }
}

/// A DPoP proof, and the request that the site's backend got it with.
pub(super) struct Dpop<'a> {
    proof: Cow<'a, str>,
    request: ProvenRequest,
}

impl Dpop<'_> {
    pub(super) fn as_proof(&self) -> session_service::Dpop<'_> {
        session_service::Dpop {
            proof: &self.proof,
            request: &self.request,
        }
    }
}

/// Whether a new session is bound, and to what.
pub(super) fn new_binding<S: Store, P: Platform>(
    service: &Service<S, P>,
    device: &Device<'_>,
) -> Result<NewBinding, ApiError> {
    let is_on = service.config().binding;
    Ok(match device {
        Device::Nothing => NewBinding::None,
        // Nothing is promised.
        Device::Offer if !is_on => NewBinding::None,
        Device::Offer => NewBinding::Offered,
        Device::Require | Device::Dpop(_) if !is_on => {
            let message = "deviceBinding=require and dpop need the setting session_binding=true";
            return Err(ApiError::invalid(message));
        }
        Device::Require => NewBinding::Required,
        Device::Dpop(dpop) => match service.key_of_login(dpop.as_proof()) {
            Ok(key) => NewBinding::To(key),
            Err(error) => return Err(ApiError::InvalidProof(error)),
        },
    })
}

pub(super) fn device<'a>(
    binding: Text<'a>,
    dpop: Option<&'a RawValue>,
) -> Result<Device<'a>, ApiError> {
    let binding = binding.optional("deviceBinding")?;
    match (binding.as_deref(), read_dpop(dpop)?) {
        (None, None) => Ok(Device::Nothing),
        (None, Some(dpop)) => Ok(Device::Dpop(dpop)),
        (Some("offer"), None) => Ok(Device::Offer),
        (Some("require"), None) => Ok(Device::Require),
        (Some(_), None) => Err(ApiError::invalid("deviceBinding must be offer or require")),
        (Some(_), Some(_)) => Err(ApiError::invalid(
            "deviceBinding and dpop exclude each other",
        )),
    }
}

/// The refresh token and the registration of a browser's key; `None` if the user is logged out.
pub(super) fn bind(body: &[u8]) -> Result<Option<[Cow<'_, str>; 2]>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        refresh_token: Text<'a>,
        #[serde(default, borrow)]
        id_refresh_token: Text<'a>,
        #[serde(default, borrow)]
        proof: Text<'a>,
    }
    let fields: Fields<'_> = parse(body)?;
    let id = &fields.id_refresh_token;
    match of_logged_in(fields.refresh_token, "refreshToken", id)? {
        Some(token) => Ok(Some([token, fields.proof.required("proof")?])),
        None => Ok(None),
    }
}

pub(super) fn read_dpop(raw: Option<&RawValue>) -> Result<Option<Dpop<'_>>, ApiError> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(default, borrow)]
        proof: Text<'a>,
        #[serde(default, borrow)]
        htm: Text<'a>,
        #[serde(default, borrow)]
        htu: Text<'a>,
    }
    let Some(fields) = object::<Fields<'_>>(raw, "dpop")? else {
        return Ok(None);
    };
    let (htm, htu) = (
        fields.htm.required("dpop.htm")?,
        fields.htu.required("dpop.htu")?,
    );
    let request = ProvenRequest::new(htm, &htu);
    let message = "dpop.htu must be an absolute http or https address";
    Ok(Some(Dpop {
        proof: fields.proof.required("dpop.proof")?,
        request: request.ok_or_else(|| ApiError::invalid(message))?,
    }))
}
