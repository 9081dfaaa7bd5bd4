//! What stands before all endpoints and asks who calls.

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{Need, Principal, Refusal, needs, principal::Verdict, reach};
use crate::{app::App, limits::TooOften, problem::Problem};

/// The webhook that is taken without a signature, too, where no secret is configured.
const LAB_WEBHOOK: &str = "/webhook/github";

/// Why a call goes no further.
#[derive(Debug)]
pub enum Halt {
    /// It may not.
    Refused(Refusal),
    /// It is one too many.
    TooOften(TooOften),
    /// Whether it may cannot be found out.
    Unclear(Box<Problem>),
}

/// Lets those through who may and for whom there is room, and tells the handlers who it is.
pub async fn guard(app: &App, mut request: Request, next: Next) -> Response {
    let caller = match admit(app, &mut request).await {
        Ok(caller) => caller,
        Err(halt) => return halt.into_response(),
    };
    // Only who may call takes room.
    let _room = match app.limits.room(&request) {
        Ok(room) => room,
        Err(problem) => return problem.into_response(),
    };
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    next.run(request).await
}

/// Who may go on; nobody where nobody is asked for.
async fn admit(app: &App, request: &mut Request) -> Result<Option<Principal>, Halt> {
    app.limits.count_address(request)?;
    let path = request.extensions().get::<MatchedPath>().cloned();
    let path = path.as_ref().map(MatchedPath::as_str);
    let need = match path.and_then(|path| needs::of(request.method(), path)) {
        Some(Need::Nothing) => return Ok(None),
        Some(Need::Signature) if path != Some(LAB_WEBHOOK) || !app.github.is_empty() => return Ok(None),
        Some(Need::Signature) => Some(needs::UNSIGNED),
        need => need,
    };
    let principal = app.gate.caller(request.headers()).await?;
    app.limits.count_caller(&principal)?;
    let verdict = match (need, path) {
        (Some(need), _) => principal.may(need)?,
        // There is nothing there, and that may be said to whoever is known; so it may that a path has other methods.
        (None, None) => Verdict::Allowed,
        (None, Some(path)) if needs::knows(path) => Verdict::Allowed,
        (None, Some(_)) if principal.name.is_none() => Verdict::Allowed,
        (None, Some(_)) => return Err(Refusal::NotInTheTable.into()),
    };
    if let (Verdict::DependsOnType | Verdict::DependsOnTypeIfAny, Some(Need::To(actions, _))) =
        (&verdict, need)
    {
        match reach::type_of(app, request).await {
            Ok(workflow_type) => principal.may_reach(actions, &workflow_type)?,
            Err(problem) if problem.is_not_found() && verdict == Verdict::DependsOnTypeIfAny => {}
            Err(problem) => return Err(problem.into()),
        }
    }
    Ok(Some(principal))
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<TooOften> for Halt {
    fn from(too_often: TooOften) -> Self {
        Self::TooOften(too_often)
    }
}

impl From<Problem> for Halt {
    fn from(problem: Problem) -> Self {
        Self::Unclear(Box::new(problem))
    }
}

impl IntoResponse for Halt {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal) => refusal.into_response(),
            Self::TooOften(too_often) => too_often.into_response(),
            Self::Unclear(problem) => problem.into_response(),
        }
    }
}
