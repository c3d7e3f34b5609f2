//! The edge: what stands between browsers and the session service, and alone touches cookies.
//!
//! It is a client of the native API, over any transport, and speaks with browsers what the front-end library
//! supertokens-website 16 to 20 speaks. It holds no key and no database; `components/edge` wires it to Spin.
//!
//! [`settings`] what can be set, [`cookies`] their names and attributes, [`front_token`] what a page may know,
//! [`csrf`] and [`cors`] who may ask from elsewhere, [`client`] the questions to the session service and
//! [`wire`] what they are about, [`identity`] what the site is told, [`flow`] how they come together, [`gateway`]
//! how a request is sent on to another component.

#![warn(clippy::disallowed_methods)]

pub mod client;
pub mod client_address;
pub mod connection;
pub mod cookies;
pub mod cors;
pub mod csrf;
pub mod flow;
pub mod front_token;
pub mod gateway;
pub mod identity;
pub mod navigation;
mod reply;
mod routes;
pub mod settings;
pub mod wire;

pub use flow::{Edge, RequestContext, SiteDown};
pub use reply::{misconfigured, without_settings};
pub use settings::Settings;

#[cfg(test)]
mod tests;
