//! The language of route files: what may be in them, how they are read, and what they make of an event.

pub(crate) mod actions;
pub(crate) mod document;
pub(crate) mod events;
pub(crate) mod fields;
mod flow;
mod prospects;
pub(crate) mod reader;
pub(crate) mod route;
pub(crate) mod schedules;
pub(crate) mod sources;
pub(crate) mod template;
pub(crate) mod tests;
mod values;
mod wanted;
