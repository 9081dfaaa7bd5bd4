//! No route feeds itself: an event that leads to an event that leads to the same route would never end.

use super::error;
use crate::{
    fault::{Fault, Span},
    language::{actions::Action, route::Route},
    rules,
    subject::overlap,
};

/// Publishing actions that lead, over any number of routes, back to their own route.
pub(super) fn found(routes: &[Route]) -> Vec<Fault> {
    let feeds: Vec<Vec<(Span, Vec<usize>)>> = routes.iter().map(|route| fed_by(route, routes)).collect();
    let mut faults = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        for (span, fed) in feeds.get(index).into_iter().flatten() {
            if let Some(way) = fed.iter().find_map(|next| way_back(*next, index, &feeds)) {
                faults.push(fault(route, *span, &way, routes));
            }
        }
    }
    faults
}

/// For each event that the route publishes, the routes that may want it.
fn fed_by(route: &Route, routes: &[Route]) -> Vec<(Span, Vec<usize>)> {
    let published = route.actions.iter().filter_map(|action| match action {
        Action::Publish(publish) => Some(publish.publishing()),
        _ => None,
    });
    let wanted = |filter: &str| {
        let wants = |route: &Route| route.filters.iter().any(|wanted| overlap(wanted.as_str(), filter));
        routes.iter().enumerate().filter(|(_, route)| wants(route)).map(|(index, _)| index).collect()
    };
    published.map(|publishing| (publishing.span, wanted(&publishing.filter))).collect()
}

/// The routes from one to another by what they feed, both included.
fn way_back(from: usize, to: usize, feeds: &[Vec<(Span, Vec<usize>)>]) -> Option<Vec<usize>> {
    let mut ways = vec![vec![from]];
    let mut seen = vec![false; feeds.len()];
    while let Some(way) = ways.pop() {
        let last = *way.last()?;
        if last == to {
            return Some(way);
        }
        if std::mem::replace(seen.get_mut(last)?, true) {
            continue;
        }
        let next = feeds.get(last).into_iter().flatten().flat_map(|(_, fed)| fed);
        ways.extend(next.map(|next| way.iter().copied().chain([*next]).collect()));
    }
    None
}

fn fault(route: &Route, span: Span, way: &[usize], routes: &[Route]) -> Fault {
    let names: Vec<_> =
        way.iter().filter_map(|index| routes.get(*index)).map(|route| route.name.as_str()).collect();
    let message = match names.as_slice() {
        [_] => format!("`{}` may get the event that it publishes here", route.name),
        _ => format!("what is published here leads back to `{}`: {}", route.name, names.join(" → ")),
    };
    let help = "publish on a subject that none of them listens to".to_owned();
    error(route, span, rules::FEEDS_ITSELF, message, Some(help))
}
