//! Faults in the Static Analysis Results Interchange Format, which code scanning reads (OASIS SARIF 2.1.0).

use serde_json::{Value, json};
use signalbox_routing::{Fault, RULES};

/// A log of one run (SARIF 2.1.0, 3.13).
pub fn log(faults: &[Fault]) -> Value {
    let rules: Vec<_> = RULES
        .iter()
        .map(|rule| json!({ "id": rule.name, "shortDescription": { "text": rule.looks_for } }))
        .collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "signalbox lint",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": faults.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

/// A result (3.27).
fn result(fault: &Fault) -> Value {
    let at = fault.span.at;
    json!({
        "ruleId": fault.rule,
        "ruleIndex": RULES.iter().position(|rule| rule.name == fault.rule),
        "level": fault.severity.name(),
        "message": { "text": fault.text() },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": fault.file },
            "region": {
                "startLine": at.line,
                "startColumn": at.column,
                "endColumn": at.column + fault.span.length,
            },
        } }],
    })
}
