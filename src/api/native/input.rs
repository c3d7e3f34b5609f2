//! The fields of each call's request, checked.

use std::borrow::Cow;

use http::Uri;
use serde::Deserialize;
use serde_json::value::RawValue;
use session_core::domain::device::dpop::ProvenRequest;
use session_core::domain::id::{HandleHash, UserId};
use session_core::domain::json::{Json, present};

use session_service::DeviceProof;

use crate::error::ApiError;
use crate::field::{Text, json, object, parameter, parse, required_parameter};

/// A login.
pub(super) struct Create<'a> {
    pub(super) user_id: UserId,
    pub(super) payload: Option<Json>,
    pub(super) data: Option<Json>,
    pub(super) device: Device<'a>,
}

/// What a login says of the device that it comes from.
pub(super) enum Device<'a> {
    Nothing,
    Offer,
    Require,
    Dpop(Dpop<'a>),
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

/// A refresh token, and what came with it.
pub(super) struct Refresh<'a> {
    pub(super) token: Cow<'a, str>,
    device_proof: Option<Cow<'a, str>>,
    dpop: Option<Dpop<'a>>,
}

impl Refresh<'_> {
    pub(super) fn proof(&self) -> Option<DeviceProof<'_>> {
        match (&self.dpop, &self.device_proof) {
            (Some(dpop), _) => Some(DeviceProof::Dpop(dpop.as_proof())),
            (None, proof) => proof.as_deref().map(DeviceProof::Browser),
        }
    }
}

/// An access token, and the proof that came with it.
pub(super) struct Verify<'a> {
    pub(super) token: Cow<'a, str>,
    pub(super) dpop: Option<Dpop<'a>>,
}

/// A session, and what is to be stored with it.
pub(super) struct Write<'a> {
    pub(super) handle: Cow<'a, str>,
    pub(super) value: Option<Json>,
}

/// The part of a user's sessions that is to be listed.
pub(super) struct List {
    pub(super) user_id: UserId,
    pub(super) after: Option<HandleHash>,
}

pub(super) fn create(body: &[u8]) -> Result<Create<'_>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        user_id: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        jwt_payload: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        session_data: Option<&'a RawValue>,
        #[serde(default, borrow)]
        device_binding: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        dpop: Option<&'a RawValue>,
    }
    let fields: Fields<'_> = parse(body)?;
    let binding = fields.device_binding.optional("deviceBinding")?;
    let device = match (binding.as_deref(), read_dpop(fields.dpop)?) {
        (None, None) => Device::Nothing,
        (None, Some(dpop)) => Device::Dpop(dpop),
        (Some("offer"), None) => Device::Offer,
        (Some("require"), None) => Device::Require,
        (Some(_), None) => {
            return Err(ApiError::invalid("deviceBinding must be offer or require"));
        }
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid(
                "deviceBinding and dpop exclude each other",
            ));
        }
    };
    Ok(Create {
        device,
        user_id: check_user_id(fields.user_id.required("userId")?)?,
        payload: json(fields.jwt_payload, "jwtPayload")?,
        data: json(fields.session_data, "sessionData")?,
    })
}

/// The access token and the proof that came with it; `None` if the user is logged out.
pub(super) fn verify(body: &[u8]) -> Result<Option<Verify<'_>>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        access_token: Text<'a>,
        #[serde(default, borrow)]
        id_refresh_token: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        dpop: Option<&'a RawValue>,
    }
    let fields: Fields<'_> = parse(body)?;
    let token = of_logged_in(fields.access_token, "accessToken", &fields.id_refresh_token)?;
    let Some(token) = token else {
        return Ok(None);
    };
    let dpop = read_dpop(fields.dpop)?;
    Ok(Some(Verify { token, dpop }))
}

/// The refresh token and what came with it; `None` if the user is logged out.
pub(super) fn refresh(body: &[u8]) -> Result<Option<Refresh<'_>>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        refresh_token: Text<'a>,
        #[serde(default, borrow)]
        id_refresh_token: Text<'a>,
        #[serde(default, borrow)]
        device_proof: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        dpop: Option<&'a RawValue>,
    }
    let fields: Fields<'_> = parse(body)?;
    let id = &fields.id_refresh_token;
    let Some(token) = of_logged_in(fields.refresh_token, "refreshToken", id)? else {
        return Ok(None);
    };
    let device_proof = fields.device_proof.optional("deviceProof")?;
    let dpop = read_dpop(fields.dpop)?;
    match device_proof.is_some() && dpop.is_some() {
        true => Err(ApiError::invalid("deviceProof and dpop exclude each other")),
        false => Ok(Some(Refresh {
            token,
            device_proof,
            dpop,
        })),
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

fn read_dpop(raw: Option<&RawValue>) -> Result<Option<Dpop<'_>>, ApiError> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(default, borrow)]
        proof: Text<'a>,
        #[serde(default, borrow)]
        htm: Text<'a>,
        #[serde(default, borrow)]
        htu: Text<'a>,
    }
    let Some(raw) = raw else {
        return Ok(None);
    };
    let fields: Fields<'_> = object(raw, "dpop")?;
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

/// What names the session that is to be revoked.
pub(super) enum Revoke<'a> {
    Session(Cow<'a, str>),
    ByAccessToken(Cow<'a, str>),
    ByRefreshToken(Cow<'a, str>),
}

pub(super) fn revoke(body: &[u8]) -> Result<Revoke<'_>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        session_handle: Text<'a>,
        #[serde(default, borrow)]
        access_token: Text<'a>,
        #[serde(default, borrow)]
        refresh_token: Text<'a>,
    }
    let fields: Fields<'_> = parse(body)?;
    let access = fields.access_token.optional("accessToken")?;
    let refresh = fields.refresh_token.optional("refreshToken")?;
    let handle = match (&access, &refresh) {
        (None, None) => Some(fields.session_handle.required("sessionHandle")?),
        _ => fields.session_handle.optional("sessionHandle")?,
    };
    match (handle, access, refresh) {
        (Some(handle), None, None) => Ok(Revoke::Session(handle)),
        (None, Some(token), None) => Ok(Revoke::ByAccessToken(token)),
        (None, None, Some(token)) => Ok(Revoke::ByRefreshToken(token)),
        _ => {
            let message = "sessionHandle, accessToken and refreshToken exclude each other";
            Err(ApiError::invalid(message))
        }
    }
}

pub(super) fn revoke_all(body: &[u8]) -> Result<UserId, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        user_id: Text<'a>,
    }
    let fields: Fields<'_> = parse(body)?;
    check_user_id(fields.user_id.required("userId")?)
}

pub(super) fn list(uri: &Uri) -> Result<List, ApiError> {
    let query = uri.query().unwrap_or_default();
    let user_id = check_user_id(required_parameter(query, "userId")?)?;
    let after = parameter(query, "cursor")?.map(|cursor| {
        HandleHash::parse(&cursor).ok_or_else(|| ApiError::invalid("invalid cursor"))
    });
    Ok(List {
        user_id,
        after: after.transpose()?,
    })
}

pub(super) fn read_data(uri: &Uri) -> Result<String, ApiError> {
    required_parameter(uri.query().unwrap_or_default(), "sessionHandle")
}

pub(super) fn write_data(body: &[u8]) -> Result<Write<'_>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        session_handle: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        session_data: Option<&'a RawValue>,
    }
    let fields: Fields<'_> = parse(body)?;
    Ok(Write {
        handle: fields.session_handle.required("sessionHandle")?,
        value: json(fields.session_data, "sessionData")?,
    })
}

pub(super) fn write_payload(body: &[u8]) -> Result<Write<'_>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        session_handle: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        jwt_payload: Option<&'a RawValue>,
    }
    let fields: Fields<'_> = parse(body)?;
    Ok(Write {
        handle: fields.session_handle.required("sessionHandle")?,
        value: json(fields.jwt_payload, "jwtPayload")?,
    })
}

/// A token; `None` without an id refresh token, whatever else was sent: that user is logged out.
fn of_logged_in<'a>(
    token: Text<'a>,
    field: &str,
    id_refresh_token: &Text<'_>,
) -> Result<Option<Cow<'a, str>>, ApiError> {
    match id_refresh_token.is_string() {
        true => token.required(field).map(Some),
        false => Ok(None),
    }
}

fn check_user_id(text: impl Into<String>) -> Result<UserId, ApiError> {
    UserId::parse(text).map_err(|error| ApiError::invalid(format!("userId {error}")))
}
