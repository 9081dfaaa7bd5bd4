//! Workflow definitions and their message types.
