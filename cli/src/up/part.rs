use std::fmt;

use clap::ValueEnum;

/// A process of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Part {
    Jaeger,
    Nats,
    Temporal,
    Worker,
    SchedulerManager,
    SignalRouter,
    Ingress,
}

impl Part {
    /// In the order of their start: whoever takes work from outside comes last. They stop the other way round.
    pub const ALL: [Self; 7] = [
        Self::Jaeger,
        Self::Nats,
        Self::Temporal,
        Self::Worker,
        Self::SchedulerManager,
        Self::SignalRouter,
        Self::Ingress,
    ];

    /// What it is called, on the command line too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jaeger => "jaeger",
            Self::Nats => "nats",
            Self::Temporal => "temporal",
            Self::Worker => "worker",
            Self::SchedulerManager => "scheduler-manager",
            Self::SignalRouter => "signal-router",
            Self::Ingress => "ingress",
        }
    }

    /// Whether it is one of Signalbox's own services.
    pub fn is_service(self) -> bool {
        !matches!(self, Self::Jaeger | Self::Nats | Self::Temporal)
    }

    /// Whether the others wait for it, and end when it cannot start.
    pub fn is_needed(self) -> bool {
        self != Self::Jaeger
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_command_line() {
        for part in Part::ALL {
            assert_eq!(Part::from_str(part.name(), false), Ok(part));
        }
        assert_eq!(Part::value_variants(), Part::ALL);
    }
}
