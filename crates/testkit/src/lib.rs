//! Real servers owned by a test, private namespaces, eventually.
