//! Route files, checked route sets and plans. Pure and synchronous.
