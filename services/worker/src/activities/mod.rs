//! Activities: one file for each outside system.

// `#[activities]` makes public constants without a word.
#[allow(missing_docs)]
mod batch;
#[allow(missing_docs)]
mod events;

pub use batch::BatchActivities;
pub use events::EventActivities;
