//! What the scopes of a token allow.

use std::{collections::BTreeMap, collections::BTreeSet, str::FromStr};

use serde_json::{Map, Value};

use super::{Action, NoSuchAction};

/// What the scopes of tokens begin with that name actions themselves.
const OWN_PREFIX: &str = "signalbox:";

/// Which scope allows which actions. Without any rule, `signalbox:start` allows `start`, and so on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeRules(BTreeMap<String, BTreeSet<Action>>);

/// A text that no rules are.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadScopeRules {
    /// A part of it has another form.
    #[error("`{0}` is no rule; write it as in orders.write=start+signal")]
    Form(String),
    /// It names an action that there is not.
    #[error(transparent)]
    Action(#[from] NoSuchAction),
}

impl ScopeRules {
    /// What these scopes allow together.
    pub fn actions<'s>(&self, scopes: impl IntoIterator<Item = &'s str>) -> BTreeSet<Action> {
        scopes.into_iter().flat_map(|scope| self.of(scope)).collect()
    }

    fn of(&self, scope: &str) -> BTreeSet<Action> {
        if !self.0.is_empty() {
            return self.0.get(scope).cloned().unwrap_or_default();
        }
        scope.strip_prefix(OWN_PREFIX).and_then(|name| name.parse().ok()).into_iter().collect()
    }
}

impl FromStr for ScopeRules {
    type Err = BadScopeRules;

    /// `scope=action+action,…`
    fn from_str(text: &str) -> Result<Self, BadScopeRules> {
        let rule = |rule: &str| {
            let parts =
                rule.split_once('=').filter(|(scope, actions)| !scope.is_empty() && !actions.is_empty());
            let (scope, actions) = parts.ok_or_else(|| BadScopeRules::Form(rule.to_owned()))?;
            let actions = actions.split('+').map(|name| name.trim().parse::<Action>());
            Ok((scope.trim().to_owned(), actions.collect::<Result<_, _>>()?))
        };
        let rules = text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(rule);
        rules.collect::<Result<_, _>>().map(Self)
    }
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

    fn rules(text: &str) -> ScopeRules {
        text.parse().unwrap()
    }

    #[test]
    fn scopes_allow_what_the_rules_say_and_nothing_else() {
        let rules = rules("orders.write=start+signal, ops=admin,");
        assert_eq!(rules.actions(["orders.write", "openid"]), [Action::Start, Action::Signal].into());
        assert_eq!(rules.actions(["ops", "orders.write"]).len(), 3);
        assert!(rules.actions(["signalbox:admin", "orders", ""]).is_empty());
    }

    #[test]
    fn without_rules_scopes_name_actions() {
        let rules = rules("");
        let scopes = ["signalbox:start", "signalbox:events:publish", "start", "signalbox:fly"];
        assert_eq!(rules.actions(scopes), [Action::Start, Action::Publish].into());
    }

    #[test]
    fn a_rule_that_cannot_be_read_stops_the_start() {
        for text in ["orders", "=start", "orders=", "a=start,b"] {
            assert!(matches!(text.parse::<ScopeRules>(), Err(BadScopeRules::Form(_))), "{text}");
        }
        assert!(matches!("a=fly".parse::<ScopeRules>(), Err(BadScopeRules::Action(_))));
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
