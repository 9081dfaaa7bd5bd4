//! Query.

use signalbox_domain::{JsonText, Query};
use temporalio_common::protos::temporal::api::{
    query::v1::WorkflowQuery, workflowservice::v1::QueryWorkflowRequest,
};

use super::{Accepted, Attempt, answered_in_time};
use crate::{
    Failure,
    connect::{DEADLINE, within},
    payload::{all_to_json, arguments, trace_header},
};

impl Attempt<'_> {
    /// Asking changes nothing, so nothing is resolved. A workflow that has closed answers too.
    pub(super) async fn query(&self, query: &Query) -> Result<Accepted, Failure> {
        let request = QueryWorkflowRequest {
            namespace: self.namespace(),
            execution: self.execution(""),
            query: Some(WorkflowQuery {
                query_type: query.name.clone(),
                query_args: arguments(&query.args),
                header: trace_header(&self.trace),
            }),
            ..Default::default()
        };
        let mut service = self.temporal.service();
        let answer = answered_in_time(service.query_workflow(within(DEADLINE, request))).await;
        let answer = answer.map_err(Failure::of_worker)?.into_inner().query_result.unwrap_or_default();
        let result = Some(JsonText::from_value(&all_to_json(&answer.payloads)));
        Ok(Accepted { result, ..Accepted::default() })
    }
}
