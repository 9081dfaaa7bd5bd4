//! Whether something can be done with values of several types.

use cel::IdedExpr;

use super::Checker;
use crate::cel::types::{Number, Object, Type};

/// What to do about a value of which nothing is declared.
const DECLARE: &str = "declare it in the schema";

impl Checker<'_> {
    /// What `rule` makes of the operands, tried with each combination of what they may be. `rule` is `None` for what
    /// cannot be done. `what` names it: `` `+` ``.
    pub(super) fn apply(
        &mut self,
        expr: &IdedExpr,
        what: &str,
        operands: &[(&IdedExpr, &Type)],
        rule: &dyn Fn(&[&Type]) -> Option<Type>,
    ) -> Type {
        if operands.iter().any(|(_, of)| of.is_never()) {
            return Type::NEVER;
        }
        let choices: Vec<Vec<Type>> = operands.iter().map(|(_, of)| choices(of)).collect();
        let mut works: Vec<Vec<bool>> = choices.iter().map(|choices| vec![false; choices.len()]).collect();
        let (mut results, mut all) = (Vec::new(), true);
        for picked in combinations(&choices) {
            let parts: Vec<&Type> = picked.iter().zip(&choices).filter_map(|(at, of)| of.get(*at)).collect();
            match rule(&parts) {
                Some(result) => {
                    results.push(result);
                    for (at, works) in picked.iter().zip(&mut works) {
                        if let Some(works) = works.get_mut(*at) {
                            *works = true;
                        }
                    }
                }
                None => all = false,
            }
        }
        if results.is_empty() {
            let names: Vec<_> = operands.iter().map(|(_, of)| of.to_string()).collect();
            return self.wrong(expr, format!("{what} does not take {}", names.join(" and ")));
        }
        if self.strict {
            self.doubt(expr, what, operands, &choices, &works, all);
        }
        Type::union(results)
    }

    /// Notes which operands may be what cannot be done.
    fn doubt(
        &mut self,
        expr: &IdedExpr,
        what: &str,
        operands: &[(&IdedExpr, &Type)],
        choices: &[Vec<Type>],
        works: &[Vec<bool>],
        all: bool,
    ) {
        let mut found = false;
        for (((operand, of), choices), works) in operands.iter().zip(choices).zip(works) {
            let failing = choices.iter().zip(works).filter(|(_, works)| !**works).map(|(of, _)| of.clone());
            let failing = Type::union(failing);
            if failing.is_never() {
                continue;
            }
            found = true;
            if **of == Type::Dyn {
                self.undeclared(operand);
                continue;
            }
            let text = self.source.quote(operand);
            let help = match &failing {
                Type::Null => format!("ask `{text} != null` first, or use `default({text}, …)`"),
                Type::Optional(_) => format!("use `{text}.orValue(…)`"),
                _ => "ask for its type first, or narrow the schema".to_owned(),
            };
            self.unproven(operand, format!("`{text}` may be {failing}, which {what} does not take"), help);
        }
        if !all && !found {
            let names: Vec<_> = operands.iter().map(|(_, of)| of.to_string()).collect();
            let message = format!("{what} does not take every combination of {}", names.join(" and "));
            self.unproven(expr, message, "ask for the types first, or narrow the schema");
        }
    }

    /// Notes that nothing is known of a value for which something has to be.
    pub(super) fn undeclared(&mut self, operand: &IdedExpr) {
        let text = self.source.quote(operand);
        self.unproven(operand, format!("the type of `{text}` is not declared"), DECLARE);
    }
}

/// What a value may be, one by one.
fn choices(of: &Type) -> Vec<Type> {
    match of {
        Type::Dyn => vec![
            Type::Null,
            Type::BOOL,
            Type::Number(Number::ANY),
            Type::TEXT,
            Type::Bytes,
            Type::Timestamp,
            Type::Duration,
            Type::Kind,
            Type::list(Type::Dyn),
            Type::Object(Object::open()),
            Type::Map(Type::Dyn.into(), Type::Dyn.into()),
            Type::optional(Type::Dyn),
        ],
        of => of.alternatives().to_vec(),
    }
}

/// Each way to pick one of each.
fn combinations(choices: &[Vec<Type>]) -> Vec<Vec<usize>> {
    choices.iter().fold(vec![Vec::new()], |picked, choices| {
        let extend = |before: &Vec<usize>| {
            let before = before.clone();
            (0..choices.len()).map(move |at| before.iter().copied().chain([at]).collect()).collect::<Vec<_>>()
        };
        picked.iter().flat_map(extend).collect()
    })
}
