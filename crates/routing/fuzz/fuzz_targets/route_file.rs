//! A route file of any bytes is read or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use signalbox_routing::RouteSet;

fuzz_target!(|text: &str| {
    let _ = RouteSet::load([("a.yaml".to_owned(), text.to_owned())]);
});
