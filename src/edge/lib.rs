//! The edge: what stands between browsers and the session service, and alone touches cookies.
//!
//! It is a client of the native API, over any transport, and speaks with browsers what the front-end library
//! supertokens-website 16 to 20 speaks. It holds no key and no database; `components/edge` wires it to Spin.
//!
//! - [`flow`] is a request's way to the site and back, or to one of the edge's own routes.
//! - [`client`] asks the session service, in the terms of [`wire`]; [`failure`] is why there is no answer.
//! - [`cookies`], [`front_token`] and [`identity`] are what browsers, pages and sites see of a session.
//! - [`site_login`] is what a site says of a login, the first one or another one.
//! - [`device`] binds sessions to keys of browsers.
//! - [`csrf`] and [`cors`] judge requests from other sites; [`navigation`] refreshes pages without scripts.
//! - [`connection`], [`client_address`] and [`gateway`] prepare a request for the site.
//! - [`settings`] is what operators can set.

#![warn(clippy::disallowed_methods)]

pub mod client;
pub mod client_address;
pub mod connection;
pub mod cookies;
pub mod cors;
pub mod csrf;
pub mod device;
pub mod failure;
pub mod flow;
pub mod front_token;
pub mod gateway;
pub mod identity;
pub mod navigation;
mod reply;
mod routes;
pub mod settings;
mod sign_out_others;
pub mod site_login;
pub mod wire;

pub use flow::{Edge, RequestContext, SiteUnavailable};
pub use reply::{misconfigured, without_settings};
pub use settings::Settings;

#[cfg(test)]
mod tests;
