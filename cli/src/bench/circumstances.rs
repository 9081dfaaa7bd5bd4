//! In which circumstances something was measured.

use std::fmt;
use std::thread::available_parallelism;

use serde::Serialize;

/// Numbers of others mean little here.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Circumstances {
    pub version: &'static str,
    /// `release`, unless the compiler was told otherwise: then the numbers mean little.
    pub build: &'static str,
    pub processors: usize,
}

impl Circumstances {
    /// Those of this process.
    pub fn here() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            processors: available_parallelism().map_or(1, Into::into),
        }
    }
}

impl fmt::Display for Circumstances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, build, processors } = self;
        write!(f, "signalbox {version}, {build} build, {processors} processors")
    }
}
