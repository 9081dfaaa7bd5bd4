//! What the scopes of a token allow.

use std::{collections::BTreeMap, str::FromStr};

use serde_json::{Map, Value};
use signalbox_routing::BadFilter;

use super::{Action, BadPattern, Grant, NoSuchAction};

/// What the scopes of tokens begin with that name actions themselves.
const OWN_PREFIX: &str = "signalbox:";

/// Which scope allows which actions, and what they are limited to. Without any rule, `signalbox:start` allows `start`, and
/// so on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeRules(BTreeMap<String, Grant>);

/// A text that no rules are.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadScopeRules {
    /// A part of it has another form.
    #[error("`{0}` is no rule; write it as in orders.write=start+signal or orders.write=start@type:Order*")]
    Form(String),
    /// It limits something that there is not.
    #[error("`{0}` is no limit; there are @type:…, @source:… and @subject:…")]
    Limit(String),
    /// What it is limited to is no pattern.
    #[error(transparent)]
    Pattern(#[from] BadPattern),
    /// What it is limited to is no filter of subjects.
    #[error(transparent)]
    Subject(#[from] BadFilter),
    /// It names an action that there is not.
    #[error(transparent)]
    Action(#[from] NoSuchAction),
}

impl ScopeRules {
    /// What each of these scopes allows.
    pub fn grants<'s>(&self, scopes: impl IntoIterator<Item = &'s str>) -> Vec<Grant> {
        scopes.into_iter().filter_map(|scope| self.of(scope)).collect()
    }

    fn of(&self, scope: &str) -> Option<Grant> {
        if !self.0.is_empty() {
            return self.0.get(scope).cloned();
        }
        let action = scope.strip_prefix(OWN_PREFIX)?.parse().ok()?;
        Some(Grant { actions: [action].into(), ..Grant::default() })
    }
}

impl FromStr for ScopeRules {
    type Err = BadScopeRules;

    /// `scope=action+action@limit:value@limit:value,…`
    fn from_str(text: &str) -> Result<Self, BadScopeRules> {
        let rule = |rule: &str| {
            let parts = rule.split_once('=').filter(|(scope, grant)| !scope.is_empty() && !grant.is_empty());
            let (scope, allowed) = parts.ok_or_else(|| BadScopeRules::Form(rule.to_owned()))?;
            Ok((scope.trim().to_owned(), grant(allowed)?))
        };
        let rules = text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(rule);
        rules.collect::<Result<_, _>>().map(Self)
    }
}

fn grant(text: &str) -> Result<Grant, BadScopeRules> {
    let mut parts = text.split('@').map(str::trim);
    let actions = parts.next().unwrap_or_default().split('+').map(|name| name.trim().parse::<Action>());
    let mut grant = Grant { actions: actions.collect::<Result<_, _>>()?, ..Grant::default() };
    for limit in parts {
        match limit.split_once(':') {
            Some(("type", pattern)) => grant.workflow_types.push(pattern.parse()?),
            Some(("source", pattern)) => grant.sources.push(pattern.parse()?),
            Some(("subject", filter)) => grant.subjects.push(filter.parse()?),
            _ => return Err(BadScopeRules::Limit(limit.to_owned())),
        }
    }
    Ok(grant)
}

/// The scopes in a claim: words of a text, or a list of texts. A claim within another is named with a dot between.
pub fn scopes<'c>(claims: &'c Map<String, Value>, claim: &str) -> Vec<&'c str> {
    let within = || {
        let mut names = claim.split('.');
        let first = claims.get(names.next()?);
        names.fold(first, |value, name| value?.get(name))
    };
    match claims.get(claim).or_else(within) {
        Some(Value::String(text)) => text.split_whitespace().collect(),
        Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn to(actions: &[Action]) -> Grant {
        Grant { actions: actions.iter().copied().collect(), ..Grant::default() }
    }

    fn rules(text: &str) -> ScopeRules {
        text.parse().unwrap()
    }

    #[test]
    fn scopes_allow_what_the_rules_say_and_nothing_else() {
        let rules = rules("orders.write=start+signal, ops=admin,");
        assert_eq!(rules.grants(["orders.write", "openid"]), [to(&[Action::Start, Action::Signal])]);
        assert_eq!(
            rules.grants(["ops", "orders.write"]),
            [to(&[Action::Admin]), to(&[Action::Start, Action::Signal])]
        );
        assert!(rules.grants(["signalbox:admin", "orders", ""]).is_empty());
    }

    #[test]
    fn what_a_scope_allows_may_be_limited() {
        let rules = rules(
            "orders=start + signal @type:Order* @type:Refund, \
             shop=events:publish@source:/shop/*@subject:events.shop.>",
        );
        let orders = Grant {
            workflow_types: vec!["Order*".parse().unwrap(), "Refund".parse().unwrap()],
            ..to(&[Action::Start, Action::Signal])
        };
        let shop = Grant {
            sources: vec!["/shop/*".parse().unwrap()],
            subjects: vec!["events.shop.>".parse().unwrap()],
            ..to(&[Action::Publish])
        };
        assert_eq!(rules.grants(["shop", "orders"]), [shop, orders]);
    }

    #[test]
    fn without_rules_scopes_name_actions() {
        let rules = rules("");
        let scopes = ["signalbox:start", "signalbox:events:publish", "start", "signalbox:fly"];
        assert_eq!(rules.grants(scopes), [to(&[Action::Start]), to(&[Action::Publish])]);
    }

    #[test]
    fn a_rule_that_cannot_be_read_stops_the_start() {
        for text in ["orders", "=start", "orders=", "a=start,b"] {
            assert!(matches!(text.parse::<ScopeRules>(), Err(BadScopeRules::Form(_))), "{text}");
        }
        let why = |text: &str| text.parse::<ScopeRules>().unwrap_err();
        for text in ["a=fly", "a=@type:Order", "a=start+"] {
            assert!(matches!(why(text), BadScopeRules::Action(_)), "{text}");
        }
        for text in ["a=start@", "a=start@Order", "a=start@route:x"] {
            assert!(matches!(why(text), BadScopeRules::Limit(_)), "{text}");
        }
        assert!(matches!(why("a=start@type:*Order"), BadScopeRules::Pattern(_)));
        assert!(matches!(why("a=start@subject:events.>.shop"), BadScopeRules::Subject(_)));
    }

    #[test]
    fn scopes_are_words_or_a_list() {
        let claims = json!({
            "scope": "a b", "roles": ["c", 1, "d"], "realm_access": {"roles": ["e"]}, "https://x.y/roles": ["f"], "n": 1
        });
        let of = |claim| scopes(claims.as_object().unwrap(), claim);
        assert_eq!([of("scope"), of("roles")], [["a", "b"], ["c", "d"]]);
        assert_eq!([of("realm_access.roles"), of("https://x.y/roles")], [["e"], ["f"]]);
        assert!(of("n").is_empty() && of("nothing").is_empty() && of("scope.a").is_empty());
    }
}
