//! Temporal's index of runs, which is a little behind.

use temporalio_client::NamespacedClient;
use temporalio_common::protos::temporal::api::{
    common::v1::WorkflowExecution,
    workflowservice::v1::{
        CountWorkflowExecutionsRequest, ListWorkflowExecutionsRequest, ListWorkflowExecutionsResponse,
    },
};

use crate::{
    Failure, Temporal,
    connect::{DEADLINE, within},
    execute::in_time,
};

/// Runs that are asked for together.
const PAGE: i32 = 200;

impl Temporal {
    /// The runs that a query finds; `None` if they are more than `most`.
    pub(crate) async fn runs(
        &self,
        query: &str,
        most: usize,
    ) -> Result<Option<Vec<WorkflowExecution>>, Failure> {
        let (mut found, mut next_page_token) = (Vec::new(), Vec::new());
        loop {
            let page = self.page(query, PAGE, next_page_token).await?;
            found.extend(page.executions.into_iter().filter_map(|run| run.execution));
            if found.len() > most {
                return Ok(None);
            }
            if page.next_page_token.is_empty() {
                return Ok(Some(found));
            }
            next_page_token = page.next_page_token;
        }
    }

    /// A page of the runs that a query finds.
    pub(crate) async fn page(
        &self,
        query: &str,
        page_size: i32,
        next_page_token: Vec<u8>,
    ) -> Result<ListWorkflowExecutionsResponse, Failure> {
        let request = ListWorkflowExecutionsRequest {
            namespace: self.client.namespace(),
            page_size,
            next_page_token,
            query: query.to_owned(),
        };
        let mut service = self.service();
        Ok(in_time(service.list_workflow_executions(within(DEADLINE, request))).await?.into_inner())
    }

    /// How many runs a query finds.
    pub(crate) async fn count(&self, query: &str) -> Result<i64, Failure> {
        let request =
            CountWorkflowExecutionsRequest { namespace: self.client.namespace(), query: query.to_owned() };
        let mut service = self.service();
        let counted = in_time(service.count_workflow_executions(within(DEADLINE, request))).await?;
        Ok(counted.into_inner().count)
    }
}
