use std::collections::VecDeque;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use signalbox_bus::{Bus, Entry, Error, Feed};
use signalbox_domain::EventRef;

use super::row::Row;

/// For each event that is kept, so many outcomes are.
const OUTCOMES_PER_EVENT: usize = 8;

/// A NATS filter of subjects under `events.`.
#[derive(Clone, Debug)]
pub struct Filter(String);

/// The stream of events and, if it is wanted, the ledger.
pub struct Feeds {
    events: Feed,
    outcomes: Option<Feed>,
    filter: Filter,
    /// Read, and not told yet.
    read: VecDeque<Row>,
}

impl Feeds {
    /// Opens what is wanted, from `since` on; without it, from now on.
    pub async fn open(
        bus: &Bus,
        filter: &Filter,
        outcomes: bool,
        since: Option<DateTime<Utc>>,
    ) -> Result<Self, Error> {
        let events = bus.read_events(&filter.0, since).await?;
        let outcomes = if outcomes { Some(bus.read_outcomes(since).await?) } else { None };
        Ok(Self { events, outcomes, filter: filter.clone(), read: VecDeque::new() })
    }

    /// The next of either; `None` when the connection is closed.
    pub async fn next(&mut self) -> Result<Option<Row>, Error> {
        loop {
            if let Some(row) = self.read.pop_front() {
                return Ok(Some(row));
            }
            let outcome = async {
                match &mut self.outcomes {
                    Some(feed) => feed.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // An event comes before its outcomes.
                biased;
                event = self.events.next() => return Ok(event?.map(|entry| Row::event(&entry))),
                outcome = outcome => match outcome? {
                    None => return Ok(None),
                    Some(entry) => self.read.extend(wanted(&self.filter, &entry)),
                },
            }
        }
    }

    /// The latest of those that are there, in the order of their times.
    pub async fn latest(self, limit: usize) -> Result<Vec<Row>, Error> {
        let Self { events, outcomes, filter, .. } = self;
        let mut rows = last(events, limit, |entry| vec![Row::event(entry)]).await?;
        if let Some(feed) = outcomes {
            // Those of events that are left out are left out, too.
            let first = rows.first().filter(|_| rows.len() == limit).map(Row::stored_at);
            let outcomes = last(feed, limit * OUTCOMES_PER_EVENT, |entry| wanted(&filter, entry)).await?;
            rows.extend(
                outcomes.into_iter().filter(|row| first.is_none_or(|first| row.stored_at() >= first)),
            );
        }
        // Stable: an event stays before an outcome of the same millisecond.
        rows.sort_by_key(Row::stored_at);
        Ok(rows)
    }
}

async fn last(mut feed: Feed, limit: usize, read: impl Fn(&Entry) -> Vec<Row>) -> Result<Vec<Row>, Error> {
    let mut rows = VecDeque::new();
    while let Some(entry) = feed.next_there().await? {
        for row in read(&entry) {
            if rows.len() == limit {
                rows.pop_front();
            }
            rows.push_back(row);
        }
    }
    Ok(rows.into())
}

/// Outcomes of events on wanted subjects; where all are wanted, those of direct calls too, which are on none.
fn wanted(filter: &Filter, entry: &Entry) -> Vec<Row> {
    let rows = Row::outcomes(entry);
    let takes = |row: &Row| match row {
        Row::Outcome { outcome, .. } => filter.takes(outcome.event.as_ref()),
        _ => false,
    };
    rows.into_iter().filter(takes).collect()
}

impl Filter {
    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn takes(&self, event: Option<&EventRef>) -> bool {
        let subject = event.map(|event| event.nats_subject.as_str()).unwrap_or_default();
        match subject {
            "" => self.0 == "events.>",
            subject => self.matches(subject),
        }
    }

    fn matches(&self, subject: &str) -> bool {
        let mut tokens = subject.split('.');
        for wanted in self.0.split('.') {
            match (wanted, tokens.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (wanted, Some(token)) if wanted == token => {}
                _ => return false,
            }
        }
        tokens.next().is_none()
    }
}

impl FromStr for Filter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let mut tokens = text.split('.').peekable();
        if tokens.next() != Some("events") || tokens.peek().is_none() {
            return Err("it begins with `events.`, as in 'events.github.*' or 'events.shop.>'");
        }
        while let Some(token) = tokens.next() {
            let wildcard = matches!(token, "*") || (token == ">" && tokens.peek().is_none());
            let plain =
                !token.is_empty() && !token.contains(['*', '>']) && !token.contains(char::is_whitespace);
            if !wildcard && !plain {
                return Err("`*` stands for one whole token, `>` for all the rest; no token is empty");
            }
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_natss() {
        for (filter, subject, matches) in [
            ("events.>", "events.a.b", true),
            ("events.*", "events.a.b", false),
            ("events.*.b", "events.a.b", true),
            ("events.a.b", "events.a.b", true),
            ("events.a", "events.a.b", false),
            ("events.a.>", "events.a", false),
        ] {
            let filter: Filter = filter.parse().unwrap();
            assert_eq!(filter.matches(subject), matches, "{filter:?} {subject}");
        }
        for bad in
            ["", "events", "commands.>", "events..a", "events.>.a", "events.a*", "events.a b", "events."]
        {
            assert!(bad.parse::<Filter>().is_err(), "{bad}");
        }
    }

    #[test]
    fn direct_calls_are_on_no_subject() {
        let direct = EventRef::default();
        let takes = |filter: &str| filter.parse::<Filter>().unwrap().takes(Some(&direct));
        assert!(takes("events.>") && !takes("events.github.>"));
    }
}
