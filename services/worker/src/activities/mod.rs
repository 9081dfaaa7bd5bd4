//! Activities: one file for each outside system.

// `#[activities]` makes public constants without a word.
#[allow(missing_docs)]
mod batch;

pub use batch::BatchActivities;
