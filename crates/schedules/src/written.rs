//! A schedule's times as their author wrote them, in a route file or a request. Nothing is checked yet.

/// When a schedule fires, as written. The times are those of any `cron`, `every` and `calendars`, less those of
/// any `except`; or they are those of `at`, each of them once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Cron expressions: five fields, six with the seconds first, `@daily` and its kin, `@every 90s`, or
    /// `@every 1h/5m` with an offset.
    pub cron: Vec<String>,
    /// Intervals.
    pub every: Vec<WrittenInterval>,
    /// Calendars.
    pub calendars: Vec<WrittenCalendar>,
    /// Single times: RFC 3339 (`2026-12-24T18:00:00+01:00`), or local in the time zone (`2026-12-24T18:00`).
    pub at: Vec<String>,
    /// Times at which it does not fire though it otherwise would: holidays.
    pub except: Vec<Exception>,
    /// A name of the IANA database; not given, it is UTC.
    pub time_zone: Option<String>,
    /// None fires before: RFC 3339, local, or a date, whose midnight it is.
    pub from: Option<String>,
    /// None fires after: RFC 3339, local, or a date, which is included.
    pub until: Option<String>,
    /// How many runs there are at most.
    pub runs: Option<u64>,
    /// Each fires up to this much later, at random: `30s`.
    pub jitter: Option<String>,
}

/// Every so often, counted from 1970-01-01T00:00:00Z on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenInterval {
    /// How often: `1h`.
    pub every: String,
    /// How much later each time is: `5m`.
    pub offset: Option<String>,
}

/// Fields in cron's language, all of which must match. Of those not given, `second`, `minute` and `hour` are 0,
/// and the others match always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenCalendar {
    /// 0 to 59.
    pub second: Option<String>,
    /// 0 to 59.
    pub minute: Option<String>,
    /// 0 to 23.
    pub hour: Option<String>,
    /// 1 to 31.
    pub day_of_month: Option<String>,
    /// 1 to 12, or JAN to DEC.
    pub month: Option<String>,
    /// 2000 to 2100.
    pub year: Option<String>,
    /// 0 to 7, or SUN to SAT; 0 and 7 are both Sunday.
    pub day_of_week: Option<String>,
}

/// When a schedule does not fire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exception {
    /// A day, `2026-12-25`; the day of every year, `12-25`; or from one day to another, both included,
    /// `2026-12-24..2027-01-02`.
    Date(String),
    /// The times that match; fields not given match always, those of the time of day too.
    Calendar(WrittenCalendar),
}
