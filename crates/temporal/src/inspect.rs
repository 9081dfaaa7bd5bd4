//! Looking at what is there, for whoever operates it. Nothing is made or changed.

use chrono::{DateTime, Utc};
use temporalio_client::NamespacedClient;
use temporalio_common::protos::temporal::api::{
    enums::v1::{IndexedValueType, TaskQueueType},
    operatorservice::v1::ListSearchAttributesRequest,
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{DescribeTaskQueueRequest, GetSystemInfoRequest},
};

use crate::{
    LookupError, Temporal,
    connect::{DEADLINE, within},
    execute::in_time,
    time::utc,
};

/// A worker that asks a task queue for work.
#[derive(Clone, Debug)]
pub struct Poller {
    /// The name that it gives itself.
    pub identity: String,
    /// When it asked last, by the server's clock.
    pub last_access: Option<DateTime<Utc>>,
}

/// What tasks a worker asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Decisions of workflows.
    Workflows,
    /// Activities.
    Activities,
}

impl Temporal {
    /// The server's version.
    ///
    /// # Errors
    /// [`LookupError::Away`].
    pub async fn server_version(&self) -> Result<String, LookupError> {
        let mut service = self.service();
        let info = in_time(service.get_system_info(within(DEADLINE, GetSystemInfoRequest {}))).await;
        info.map(|answer| answer.into_inner().server_version)
            .map_err(|failure| LookupError::Away(failure.detail))
    }

    /// The type of a search attribute, such as `Keyword`; `None` if it is not there.
    ///
    /// # Errors
    /// [`LookupError::Away`].
    pub async fn search_attribute(&self, name: &str) -> Result<Option<String>, LookupError> {
        let mut operator = self.client.connection().operator_service();
        let list = ListSearchAttributesRequest { namespace: self.client.namespace() };
        let listed = in_time(operator.list_search_attributes(within(DEADLINE, list))).await;
        let listed = listed.map_err(|failure| LookupError::Away(failure.detail))?.into_inner();
        let number = listed.custom_attributes.get(name);
        Ok(number.map(|number| match IndexedValueType::try_from(*number) {
            Ok(kind) => format!("{kind:?}"),
            Err(_) => format!("type {number}"),
        }))
    }

    /// Who polls the task queue for work, as far as Temporal has seen in the last minutes.
    ///
    /// # Errors
    /// [`LookupError::Away`].
    pub async fn pollers_for(&self, task_queue: &str, work: Work) -> Result<Vec<Poller>, LookupError> {
        let request = DescribeTaskQueueRequest {
            namespace: self.client.namespace(),
            task_queue: Some(TaskQueue { name: task_queue.to_owned(), ..Default::default() }),
            task_queue_type: match work {
                Work::Workflows => TaskQueueType::Workflow as i32,
                Work::Activities => TaskQueueType::Activity as i32,
            },
            ..Default::default()
        };
        let mut service = self.service();
        let described = in_time(service.describe_task_queue(within(DEADLINE, request))).await;
        let described = described.map_err(|failure| LookupError::Away(failure.detail))?.into_inner();
        let pollers = described.pollers.into_iter().map(|poller| Poller {
            identity: poller.identity,
            last_access: poller.last_access_time.and_then(utc),
        });
        Ok(pollers.collect())
    }
}
