//! A call as it came.

use chrono::{DateTime, Utc};

use crate::{Rejected, name};

/// A call of a webhook: its headers, its body byte for byte, and when it came.
#[derive(Clone, Copy)]
pub struct Call<'c> {
    /// Gives the value of a header by its name in lower case.
    pub header: &'c dyn Fn(&str) -> Option<&'c str>,
    /// What is signed.
    pub body: &'c [u8],
    /// Old calls are refused by it.
    pub now: DateTime<Utc>,
}

impl<'c> Call<'c> {
    pub(crate) fn header(&self, name: &str) -> Option<&'c str> {
        (self.header)(name)
    }

    /// A header that every genuine delivery has.
    pub(crate) fn credential(&self, name: &'static str) -> Result<&'c str, Rejected> {
        self.header(name).ok_or(Rejected::Unsigned(name.into()))
    }

    /// The id of the delivery, in a header.
    pub(crate) fn delivery_id(&self, name: &'static str) -> Result<Option<String>, Rejected> {
        self.header(name).map(|text| name::delivery_id(text, name)).transpose()
    }
}
