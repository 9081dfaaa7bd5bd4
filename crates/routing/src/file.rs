//! From the text of a route file to its routes.

use signalbox_domain::ConflictPolicy;

use crate::{
    fault::{Fault, Position, did_you_mean},
    reader::Reader,
    route::{Action, Route, Signal, Start},
    template::Template,
    yaml::{self, Kind, Node},
};

/// The task queue of the lab's worker, where a route names none.
const DEFAULT_TASK_QUEUE: &str = "lab6-queue";

/// A route and where its name stands.
pub(crate) struct Placed {
    pub(crate) route: Route,
    pub(crate) at: Position,
}

/// Reads the routes of a file, and all its faults.
pub(crate) fn read(file: &str, text: &str) -> (Vec<Placed>, Vec<Fault>) {
    let mut reader = Reader::new(file, text);
    let routes = match yaml::parse(text) {
        Ok(document) => document_routes(&mut reader, &document),
        Err((at, message)) => {
            reader.fault(at, message);
            Vec::new()
        }
    };
    (routes, reader.into_faults())
}

fn document_routes(reader: &mut Reader<'_>, document: &Node) -> Vec<Placed> {
    // Tests run offline, with the tools; a router passes over them.
    let Some([version, routes, _tests]) =
        reader.fields(document, "a route file", ["version", "routes", "tests"])
    else {
        return Vec::new();
    };
    if let Some(version) = reader.required(version, document, "version") {
        check_version(reader, version);
    }
    let routes = reader.required(routes, document, "routes").and_then(|node| reader.list(node, "routes"));
    routes.unwrap_or_default().iter().filter_map(|node| route(reader, node)).collect()
}

fn check_version(reader: &mut Reader<'_>, node: &Node) {
    let known = matches!(&node.kind, Kind::Number(number) if number.as_u64() == Some(1));
    if !known {
        reader.fault(node.at.position, "`version` is 1; no other is known");
    }
}

fn route(reader: &mut Reader<'_>, node: &Node) -> Option<Placed> {
    let known = ["name", "on", "when", "start", "signal", "signal_with_start"];
    let [name, on, when, start, signal, both] = reader.fields(node, "a route", known)?;
    let name = reader.required(name, node, "name");
    let route_name = name.and_then(|name| route_name(reader, name));
    let filter = reader.required(on, node, "on").and_then(|node| {
        let text = reader.text(node, "on")?;
        text.parse()
            .map_err(|bad: crate::subject::BadFilter| reader.fault(node.at.position, bad.to_string()))
            .ok()
    });
    let guard = when.map(|node| reader.expression(node, "when"));
    let actions = [
        start.map(|node| start_action(reader, node)),
        signal.map(|node| signal_action(reader, node)),
        both.map(|node| signal_with_start_action(reader, node)),
    ];
    let mut actions = actions.into_iter().flatten();
    let (Some(action), None) = (actions.next(), actions.next()) else {
        reader.fault(node.at.position, "a route has one action: `start`, `signal` or `signal_with_start`");
        return None;
    };
    let route = Route {
        name: route_name?,
        filter: filter?,
        // A guard that is there but has a fault is not the same as none.
        guard: guard.map_or(Some(None), |guard| guard.map(Some))?,
        action: action?,
    };
    Some(Placed { route, at: name?.at.position })
}

fn route_name(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let name = reader.text(node, "name")?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        let message = "the name of a route has 1 to 64 letters (a-z, A-Z), digits, `-` or `_`";
        reader.fault(node.at.position, message);
        return None;
    }
    Some(name.to_owned())
}

fn start_action(reader: &mut Reader<'_>, node: &Node) -> Option<Action> {
    let known = ["workflow", "workflow_id", "task_queue", "args", "id_conflict_policy"];
    let [workflow, workflow_id, task_queue, args, policy] = reader.fields(node, "`start`", known)?;
    let workflow_id = workflow_id_field(reader, workflow_id, node);
    let policy = policy.map_or(Some(ConflictPolicy::Fail), |node| conflict_policy(reader, node));
    let start = start_fields(reader, node, workflow, task_queue, args);
    Some(Action::Start(workflow_id?, Start { conflict_policy: policy?, ..start? }))
}

fn signal_action(reader: &mut Reader<'_>, node: &Node) -> Option<Action> {
    let [workflow_id, name, args] = reader.fields(node, "`signal`", ["workflow_id", "name", "args"])?;
    let workflow_id = workflow_id_field(reader, workflow_id, node);
    let signal = signal_fields(reader, node, name, args);
    Some(Action::Signal(workflow_id?, signal?))
}

fn signal_with_start_action(reader: &mut Reader<'_>, node: &Node) -> Option<Action> {
    let known = ["workflow", "workflow_id", "task_queue", "args", "signal"];
    let [workflow, workflow_id, task_queue, args, signal] =
        reader.fields(node, "`signal_with_start`", known)?;
    let workflow_id = workflow_id_field(reader, workflow_id, node);
    let start = start_fields(reader, node, workflow, task_queue, args);
    let signal = reader.required(signal, node, "signal").and_then(|node| {
        let [name, args] = reader.fields(node, "`signal`", ["name", "args"])?;
        signal_fields(reader, node, name, args)
    });
    Some(Action::SignalWithStart(workflow_id?, start?, signal?))
}

fn workflow_id_field(
    reader: &mut Reader<'_>,
    field: Option<&Node>,
    parent: &Node,
) -> Option<crate::template::Text> {
    let node = reader.required(field, parent, "workflow_id")?;
    reader.text_template(node, "workflow_id")
}

fn start_fields(
    reader: &mut Reader<'_>,
    parent: &Node,
    workflow: Option<&Node>,
    task_queue: Option<&Node>,
    args: Option<&Node>,
) -> Option<Start> {
    let workflow =
        reader.required(workflow, parent, "workflow").and_then(|node| reader.name(node, "workflow"));
    let task_queue = match task_queue {
        Some(node) => reader.name(node, "task_queue"),
        None => Some(DEFAULT_TASK_QUEUE.to_owned()),
    };
    let args = args_field(reader, args);
    Some(Start {
        workflow: workflow?,
        task_queue: task_queue?,
        args: args?,
        conflict_policy: ConflictPolicy::Fail,
    })
}

fn signal_fields(
    reader: &mut Reader<'_>,
    parent: &Node,
    name: Option<&Node>,
    args: Option<&Node>,
) -> Option<Signal> {
    let name = reader.required(name, parent, "name").and_then(|node| reader.name(node, "name"));
    let args = args_field(reader, args);
    Some(Signal { name: name?, args: args? })
}

fn args_field(reader: &mut Reader<'_>, field: Option<&Node>) -> Option<Vec<Template>> {
    let Some(node) = field else { return Some(Vec::new()) };
    let items = reader.list(node, "args")?;
    reader.templates(items)
}

fn conflict_policy(reader: &mut Reader<'_>, node: &Node) -> Option<ConflictPolicy> {
    let known = ["fail", "use_existing", "terminate_existing"];
    match reader.text(node, "id_conflict_policy")? {
        "fail" => Some(ConflictPolicy::Fail),
        "use_existing" => Some(ConflictPolicy::UseExisting),
        "terminate_existing" => Some(ConflictPolicy::TerminateExisting),
        other => {
            let hint = did_you_mean(other, known);
            let message = format!("`id_conflict_policy` is one of `{}`{hint}", known.join("`, `"));
            reader.fault(node.at.position, message);
            None
        }
    }
}
