//! What a start may say besides what it starts. A file's `defaults` say it for all of its starts.

use std::time::Duration;

use signalbox_domain::{self as domain, JsonText, ReusePolicy};

use super::{
    super::{
        fields::{Entries, Field, Section, Shape, optional},
        reader::Reader,
        template::{Span, Template, Text},
    },
    signal::render_name,
};
use crate::{cel::scope::Scope, yaml::Node};

/// The task queue of the lab's worker, where nobody names one.
pub(crate) const DEFAULT_TASK_QUEUE: &str = "lab6-queue";

pub(crate) const TASK_QUEUE: Field =
    optional("task_queue", Shape::Text, "Task queue of the workflow's worker; `lab6-queue` if nobody says.");
pub(crate) const ID_REUSE_POLICY: Field = optional(
    "id_reuse_policy",
    Shape::OneOf(&["allow_duplicate", "allow_duplicate_failed_only", "reject_duplicate"]),
    "What to do when an ended workflow had that id: start another one, only if it failed, or never.",
);
pub(crate) const EXECUTION_TIMEOUT: Field = optional(
    "execution_timeout",
    Shape::Duration,
    "The longest that the workflow may take, all its runs together.",
);
pub(crate) const RUN_TIMEOUT: Field =
    optional("run_timeout", Shape::Duration, "The longest that one run of the workflow may take.");
pub(crate) const TASK_TIMEOUT: Field =
    optional("task_timeout", Shape::Duration, "The longest that one workflow task may take.");
pub(crate) const RETRY: Field =
    optional("retry", Shape::Section(&RETRY_POLICY), "When a workflow that failed is run again.");
pub(crate) const MEMO: Field =
    optional("memo", Shape::ValueMap, "Notes that Temporal shows with the workflow.");
pub(crate) const SEARCH_ATTRIBUTES: Field = optional(
    "search_attributes",
    Shape::ValueMap,
    "By what the workflow can be found. The namespace must have them registered.",
);
pub(crate) const PRIORITY: Field =
    optional("priority", Shape::Section(&PRIORITIES), "The workflow's place among others of its task queue.");

static RETRY_POLICY: Section = Section {
    what: "`retry`",
    doc: "When a workflow that failed is run again.",
    fields: &[
        optional("initial_interval", Shape::Duration, "The first pause."),
        optional(
            "backoff_coefficient",
            Shape::Positive,
            "By what each pause is longer than the one before; at least 1.",
        ),
        optional("maximum_interval", Shape::Duration, "The longest pause."),
        optional(
            "maximum_attempts",
            Shape::Count(0, 1_000_000),
            "How often it is run at most; 0 is without end.",
        ),
        optional("non_retryable_error_types", Shape::Names, "Failures of these types are final."),
    ],
};

static PRIORITIES: Section = Section {
    what: "`priority`",
    doc: "The workflow's place among others of its task queue.",
    fields: &[
        optional("key", Shape::Count(1, 5), "1 is the most urgent, 5 the least."),
        optional(
            "fairness_key",
            Shape::Text,
            "Workflows of one key, such as a tenant, share what the others leave.",
        ),
        optional("fairness_weight", Shape::Positive, "How much of it this key gets; 1 if nobody says."),
    ],
};

/// Far longer than events are kept.
const LONGEST_DEADLINE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(crate) const DEADLINE: Field = optional(
    "deadline",
    Shape::Span(LONGEST_DEADLINE),
    "So long, from when the event was stored, it is tried while Temporal or a worker is away; then it is a dead letter. \
     Without end if nobody says.",
);

/// What a file says for all of its starts.
pub(crate) static OPTIONS: Section = Section {
    what: "`defaults`",
    doc: "What holds for each `start`, `signal_with_start` and `update_with_start` of this file that does not say otherwise; `deadline` for each route.",
    fields: &[
        TASK_QUEUE,
        ID_REUSE_POLICY,
        EXECUTION_TIMEOUT,
        RUN_TIMEOUT,
        TASK_TIMEOUT,
        RETRY,
        MEMO,
        SEARCH_ATTRIBUTES,
        PRIORITY,
        DEADLINE,
    ],
};

/// What a file says for all of its starts, still to be read: each route has events of its own, for which it is checked.
pub(crate) struct Defaults<'n>(pub(crate) Option<Entries<'n>>);

impl Defaults<'_> {
    /// The deadline that a route has which says none.
    pub(crate) fn deadline(&self, reader: &mut Reader<'_>) -> Option<Option<Duration>> {
        self.0.as_ref().map_or(Some(None), |entries| reader.span_of_time(entries, "deadline"))
    }

    /// The entries of a start, and the defaults in the place of those that are not there.
    fn behind<'n>(&'n self, entries: &Entries<'n>) -> Entries<'n> {
        let own = |name: &str| entries.section.fields.iter().position(|field| field.name == name);
        let found = OPTIONS.fields.iter().enumerate().map(|(at, field)| {
            let own = own(field.name).and_then(|at| entries.found.get(at).copied().flatten());
            own.or_else(|| self.0.as_ref().and_then(|defaults| defaults.found.get(at).copied().flatten()))
        });
        Entries { node: entries.node, section: &OPTIONS, found: found.collect() }
    }
}

/// The options of a start.
#[derive(Debug, Default)]
pub(crate) struct StartOptions {
    task_queue: Option<Text>,
    reuse_policy: Option<ReusePolicy>,
    execution_timeout: Option<Span>,
    run_timeout: Option<Span>,
    task_timeout: Option<Span>,
    retry: Option<Retry>,
    memo: Option<Fields>,
    search_attributes: Option<Fields>,
    priority: Option<Priority>,
}

type Fields = Vec<(String, Template)>;

#[derive(Debug)]
struct Retry {
    initial_interval: Option<Span>,
    backoff_coefficient: f64,
    maximum_interval: Option<Span>,
    maximum_attempts: i32,
    non_retryable_error_types: Vec<String>,
}

#[derive(Debug)]
struct Priority {
    key: i32,
    fairness_key: Option<Text>,
    fairness_weight: f32,
}

impl StartOptions {
    /// The options in these entries, and the defaults for those that are not there.
    pub(crate) fn read(
        reader: &mut Reader<'_>,
        entries: &Entries<'_>,
        defaults: &Defaults<'_>,
    ) -> Option<Self> {
        let entries = &defaults.behind(entries);
        let task_queue = reader.optional(entries, "task_queue", Reader::name_template);
        let reuse_policy = reader.word(entries, "id_reuse_policy");
        let [execution, run, task] = ["execution_timeout", "run_timeout", "task_timeout"]
            .map(|name| reader.optional(entries, name, Reader::duration));
        let retry = reader.optional(entries, "retry", |reader, node, _| Retry::read(reader, node));
        let memo = reader.optional(entries, "memo", Reader::template_map);
        let attributes = reader.optional(entries, "search_attributes", Reader::template_map);
        let priority = reader.optional(entries, "priority", |reader, node, _| Priority::read(reader, node));
        let reuse_policy = reuse_policy?.map(|word| match word {
            "reject_duplicate" => ReusePolicy::RejectDuplicate,
            "allow_duplicate_failed_only" => ReusePolicy::AllowDuplicateFailedOnly,
            _ => ReusePolicy::AllowDuplicate,
        });
        Some(Self {
            task_queue: task_queue?,
            reuse_policy,
            execution_timeout: execution?,
            run_timeout: run?,
            task_timeout: task?,
            retry: retry?,
            memo: memo?,
            search_attributes: attributes?,
            priority: priority?,
        })
    }

    /// Nothing but the task queue.
    pub(super) fn with_task_queue(
        reader: &mut Reader<'_>,
        entries: &Entries<'_>,
        defaults: &Defaults<'_>,
    ) -> Option<Self> {
        let entries = &defaults.behind(entries);
        let task_queue = reader.optional(entries, "task_queue", Reader::name_template);
        Some(Self { task_queue: task_queue?, ..Self::default() })
    }

    pub(super) fn task_queue(&self, scope: &Scope<'_>) -> Result<String, String> {
        match &self.task_queue {
            Some(queue) => render_name("task_queue", queue, scope),
            None => Ok(DEFAULT_TASK_QUEUE.to_owned()),
        }
    }

    /// All but the task queue and the delay.
    pub(super) fn render(&self, scope: &Scope<'_>) -> Result<domain::StartOptions, String> {
        let span = |field: &str, span: &Option<Span>| Span::render_field(field, span, scope);
        let fields = |field: &str, fields: &Option<Fields>| {
            let values = fields.iter().flatten().map(|(name, value)| {
                let value = value.render(scope).map_err(|why| format!("{field}: {name}: {why}"))?;
                Ok((name.clone(), JsonText::from_value(&value)))
            });
            values.collect::<Result<_, String>>()
        };
        Ok(domain::StartOptions {
            reuse_policy: self.reuse_policy.unwrap_or_default(),
            execution_timeout: span("execution_timeout", &self.execution_timeout)?,
            run_timeout: span("run_timeout", &self.run_timeout)?,
            task_timeout: span("task_timeout", &self.task_timeout)?,
            retry_policy: self.retry.as_ref().map(|retry| retry.render(scope)).transpose()?,
            memo: fields("memo", &self.memo)?,
            search_attributes: fields("search_attributes", &self.search_attributes)?,
            start_delay: None,
            priority: self.priority.as_ref().map(|priority| priority.render(scope)).transpose()?,
        })
    }
}

impl Retry {
    fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self> {
        let entries = reader.section(node, &RETRY_POLICY)?;
        let initial = reader.optional(&entries, "initial_interval", Reader::duration);
        let maximum = reader.optional(&entries, "maximum_interval", Reader::duration);
        let coefficient = reader.optional(&entries, "backoff_coefficient", Reader::positive);
        let attempts = reader.count(&entries, "maximum_attempts");
        let types = reader.optional(&entries, "non_retryable_error_types", Reader::names);
        Some(Self {
            initial_interval: initial?,
            backoff_coefficient: coefficient?.unwrap_or_default(),
            maximum_interval: maximum?,
            maximum_attempts: attempts?.and_then(|count| i32::try_from(count).ok()).unwrap_or_default(),
            non_retryable_error_types: types?.unwrap_or_default(),
        })
    }

    fn render(&self, scope: &Scope<'_>) -> Result<domain::RetryPolicy, String> {
        let span = |span: &Option<Span>| {
            let rendered = Span::render_field("retry", span, scope)?;
            Ok::<_, String>(rendered.map(domain::wire_duration))
        };
        Ok(domain::RetryPolicy {
            initial_interval: span(&self.initial_interval)?,
            backoff_coefficient: self.backoff_coefficient,
            maximum_interval: span(&self.maximum_interval)?,
            maximum_attempts: self.maximum_attempts,
            non_retryable_error_types: self.non_retryable_error_types.clone(),
        })
    }
}

impl Priority {
    fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self> {
        let entries = reader.section(node, &PRIORITIES)?;
        let key = reader.count(&entries, "key");
        let fairness_key = reader.optional(&entries, "fairness_key", Reader::text_template);
        let weight = reader.optional(&entries, "fairness_weight", Reader::positive);
        Some(Self {
            key: key?.and_then(|key| i32::try_from(key).ok()).unwrap_or_default(),
            fairness_key: fairness_key?,
            fairness_weight: weight?.unwrap_or_default() as f32,
        })
    }

    fn render(&self, scope: &Scope<'_>) -> Result<domain::Priority, String> {
        let fairness_key = Text::render_field("priority: fairness_key", &self.fairness_key, scope)?;
        let mut fairness_key = fairness_key.unwrap_or_default();
        // Temporal takes 64 bytes.
        fairness_key.truncate(fairness_key.floor_char_boundary(64));
        Ok(domain::Priority { priority_key: self.key, fairness_key, fairness_weight: self.fairness_weight })
    }
}
