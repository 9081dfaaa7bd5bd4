//! How much is taken, from whom: rates by address and by caller, and how many requests and bytes of bodies at once.

mod count;
mod options;
mod peer;
mod rates;

use std::{net::IpAddr, sync::Arc};

pub use count::TooOften;
pub use options::LimitArgs;
pub use peer::Peer;
use rates::Rates;
use tokio::sync::Semaphore;

/// Requests that are open at a time; one more gets 503. Probes do not count.
pub const REQUESTS_AT_MOST: usize = 4096;

/// Bytes of bodies that are held at once; who comes with more is asked to come again. So what is taken in has a bound
/// that does not depend on how many callers there are.
const BODIES_AT_MOST: usize = 32 * 1024 * 1024;

/// The limits of a service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Limits {
    by_address: Option<Arc<Rates<IpAddr>>>,
    by_caller: Option<Arc<Rates<Arc<str>>>>,
    /// Room for requests.
    pub requests: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
    proxies: usize,
}

impl Limits {
    /// As the options say. Rates that they leave open are limited where callers are `asked` who they are.
    pub fn new(args: &LimitArgs, asked: bool) -> Self {
        Self {
            by_address: args.rate_per_address.unwrap_or_default().quota(asked).map(Rates::new).map(Arc::new),
            by_caller: args.rate_per_key.unwrap_or_default().quota(asked).map(Rates::new).map(Arc::new),
            requests: Arc::new(Semaphore::new(REQUESTS_AT_MOST)),
            bodies: Arc::new(Semaphore::new(BODIES_AT_MOST)),
            proxies: args.proxies,
        }
    }
}
