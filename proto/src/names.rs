//! Subjects, streams, consumers, buckets and headers: each name stands here and nowhere else.

/// JetStream streams.
pub mod stream {
    /// The replayable log of events.
    pub const EVENTS: &str = "EVENTS";
    /// Work queue of effects to carry out, partitioned by key.
    pub const COMMANDS: &str = "COMMANDS";
    /// Work queue of commands that wait until their route lets them go on to COMMANDS, in the same partitions.
    pub const FLOW: &str = "FLOW";
    /// The ledger: the last outcome of each event and each of its effects.
    pub const OUTCOMES: &str = "OUTCOMES";
    /// What cannot work, with the reason.
    pub const DEAD_LETTERS: &str = "DEADLETTERS";
    /// Commands that wait for a run of their workflow.
    pub const PARKED: &str = "PARKED";
}

/// NATS subjects.
pub mod subject {
    /// First token of every event's subject.
    pub const EVENTS_PREFIX: &str = "events.";
    /// All events.
    pub const EVENTS: &str = "events.>";
    /// All partitions of commands.
    pub const COMMANDS: &str = "commands.*";
    /// All partitions of commands that wait.
    pub const FLOW: &str = "flow.*";
    /// All seals: batches that are about to be published.
    pub const SEALS: &str = "flow.*.*";
    /// All outcomes.
    pub const OUTCOMES: &str = "outcomes.>";
    /// All dead letters.
    pub const DEAD_LETTERS: &str = "deadletters.>";
    /// All partitions of parked commands.
    pub const PARKED: &str = "parked.*";
    /// Last token of the subject that holds the verdict of the matching of an event.
    pub const MATCH_LEAF: &str = "match";

    /// Request-reply: result, describe and query of a workflow.
    pub const LOOKUP: &str = "signalbox.router.lookup";
    /// Request-reply: taking dead letters out, to try again what they ask for.
    pub const REDRIVE: &str = "signalbox.router.redrive";
    /// Request-reply: whether the router can work.
    pub const ROUTER_STATUS: &str = "signalbox.router.status";
    /// Request-reply: events that are to be matched again, by the routes that run now.
    pub const REPLAY: &str = "signalbox.router.replay";
    /// Request-reply: calls on schedules.
    pub const SCHEDULE: &str = "signalbox.scheduler.schedule";
    /// Request-reply: whether the scheduler manager can work.
    pub const SCHEDULER_STATUS: &str = "signalbox.scheduler.status";

    /// Commands of one partition.
    pub fn commands(partition: u16) -> String {
        format!("commands.{partition}")
    }

    /// Parked commands of one partition.
    pub fn parked(partition: u16) -> String {
        format!("parked.{partition}")
    }

    /// Commands of one partition that wait.
    pub fn flow(partition: u16) -> String {
        format!("flow.{partition}")
    }

    /// The seal of a batch, by the effect key of its first member; `*` stands for all of the partition.
    pub fn seal(partition: u16, first: &str) -> String {
        format!("flow.{partition}.{first}")
    }

    /// Dead letters of one reason; `reason` is a code such as `workflow-not-found`.
    pub fn dead_letters(reason: &str) -> String {
        format!("deadletters.{reason}")
    }
}

/// Durable consumers.
pub mod consumer {
    /// The matcher's, on EVENTS.
    pub const MATCH: &str = "matcher";

    /// That of one partition, on FLOW.
    pub fn flow(partition: u16) -> String {
        format!("flow-{partition}")
    }

    /// That of one partition, on COMMANDS.
    pub fn apply(partition: u16) -> String {
        format!("apply-{partition}")
    }
}

/// Into how many partitions commands are divided by the hash of their key.
pub const PARTITIONS: u16 = 8;

/// Key-value buckets.
pub mod bucket {
    /// Desired schedules by id.
    pub const SCHEDULES: &str = "signalbox-schedules";
    /// Route sets, and which of them holds for which event.
    pub const ROUTES: &str = "signalbox-routes";
    /// How far replays came that are not at their end.
    pub const REPLAYS: &str = "signalbox-replays";
    /// Keys that callers of the HTTP API have.
    pub const API_KEYS: &str = "signalbox-api-keys";
}

/// Keys of the bucket of route sets.
pub mod route_key {
    /// Which set was applied last.
    pub const WANTED: &str = "wanted";
    /// What the matcher says to that.
    pub const ANSWER: &str = "answer";
    /// Which set holds from which event on.
    pub const TIMELINE: &str = "timeline";
    /// All keys of files begin so.
    pub const SET_PREFIX: &str = "set.";

    /// The files of a set.
    pub fn set(version: &str) -> String {
        format!("{SET_PREFIX}{version}")
    }
}

/// Services by their names in the NATS service API (`$SRV.INFO`).
pub mod service {
    /// Look-ups.
    pub const ROUTER: &str = "signalbox-router";
    /// Schedules.
    pub const SCHEDULER: &str = "signalbox-scheduler";
}

/// Message headers. NATS compares them case-sensitively.
pub mod header {
    /// JetStream drops a second message of the same id.
    pub const MESSAGE_ID: &str = "Nats-Msg-Id";
    /// W3C Trace Context.
    pub const TRACEPARENT: &str = "traceparent";
    /// W3C Trace Context.
    pub const TRACESTATE: &str = "tracestate";
    /// Inbox that wants the outcomes of this event.
    pub const REPLY_TO: &str = "signalbox-reply-to";
    /// Prefix of the attributes of a CloudEvent in binary mode (NATS Protocol Binding for CloudEvents, 3.1).
    pub const CLOUDEVENT_PREFIX: &str = "ce-";
    /// `application/cloudevents+json` marks structured mode. Of a bare message it is the media type of the data; in
    /// binary mode that is `ce-datacontenttype`, and this where it is missing.
    pub const CONTENT_TYPE: &str = "content-type";
}

/// CloudEvents extension attributes.
pub mod extension {
    /// How many events routes have published one for the other before this one.
    pub const HOPS: &str = "signalboxhops";
}

/// Custom search attributes in Temporal.
pub mod search_attribute {
    /// Keyword: how the run was triggered, `http`, `schedule`, `event`, `cli` or `workflow`.
    pub const TRIGGER: &str = "SignalboxTrigger";
    /// Keyword, of a schedule that a route set declares: a hash of what it was declared to be.
    pub const DECLARED: &str = "SignalboxDeclared";
}

/// What the lab's calls use when they name nothing else.
pub mod lab {
    /// Task queue of the lab's worker.
    pub const TASK_QUEUE: &str = "lab6-queue";
    /// Type of the lab's workflow.
    pub const CRON_WORKFLOW: &str = "CronWorkflow";
    /// Signal with one text.
    pub const ADD_MESSAGE: &str = "add_message";
    /// Signal without arguments that ends the workflow.
    pub const STOP_PROCESSING: &str = "stop_processing";
}
