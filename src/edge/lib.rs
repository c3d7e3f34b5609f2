//! The edge: what stands between browsers and the session service, and alone touches cookies.
//!
//! It is a client of the seven endpoints, over any transport, and speaks with browsers what the front-end library
//! supertokens-website 16 to 20 speaks. It holds no key and no database; `components/edge` wires it to Spin.
//!
//! [`settings`] what can be set, [`cookies`] their names and attributes, [`front_token`] what a page may know,
//! [`csrf`] and [`cors`] who may ask from elsewhere, [`service`] the questions to the session service and
//! [`sessions`] what they are about, [`identity`] what the site is told, [`flow`] how they come together, [`gateway`]
//! how a request is sent on to another component.

#![warn(clippy::disallowed_methods)]

pub mod cookies;
pub mod cors;
pub mod csrf;
pub mod flow;
pub mod front_token;
pub mod gateway;
pub mod identity;
mod reply;
mod routes;
pub mod service;
pub mod sessions;
pub mod settings;

pub use flow::{Edge, SiteDown, Visit};
pub use reply::{misconfigured, without_settings};
pub use settings::Settings;

#[cfg(test)]
mod tests;
