use clap::ValueEnum;
use opentelemetry_sdk::trace::Sampler;
use url::Url;

/// Flags and variables that decide what is traced, by OpenTelemetry's own names. The exporter also obeys
/// `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_EXPORTER_OTLP_TIMEOUT`, the resource `OTEL_RESOURCE_ATTRIBUTES` and
/// `OTEL_SERVICE_NAME`, the batches `OTEL_BSP_SCHEDULE_DELAY`.
#[derive(Clone, Debug, clap::Args)]
pub struct TraceOptions {
    /// Where traces go: OTLP over gRPC, such as http://localhost:4317. Without it nothing is traced
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        default_value = "",
        hide_default_value = true,
        value_name = "URL",
        value_parser = endpoint
    )]
    pub otlp_endpoint: String,

    /// Which traces are kept
    #[arg(long, env = "OTEL_TRACES_SAMPLER", value_enum, default_value_t, value_name = "SAMPLER")]
    pub traces_sampler: TracesSampler,

    /// The share of traces that a sampler by ratio keeps, from 0 to 1
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", default_value_t = 1.0, value_name = "RATIO", value_parser = ratio)]
    pub traces_sampler_arg: f64,
}

/// Which traces are kept (OpenTelemetry specification, SDK environment variables, `OTEL_TRACES_SAMPLER`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum TracesSampler {
    /// All.
    AlwaysOn,
    /// None.
    AlwaysOff,
    /// A share, by trace id.
    #[value(name = "traceidratio")]
    TraceIdRatio,
    /// What the sender says, and all where it says nothing.
    #[default]
    #[value(name = "parentbased_always_on")]
    ParentBasedAlwaysOn,
    /// What the sender says, and none where it says nothing.
    #[value(name = "parentbased_always_off")]
    ParentBasedAlwaysOff,
    /// What the sender says, and a share where it says nothing.
    #[value(name = "parentbased_traceidratio")]
    ParentBasedTraceIdRatio,
}

impl TraceOptions {
    /// The collector, if there is one.
    pub fn endpoint(&self) -> Option<&str> {
        (!self.otlp_endpoint.is_empty()).then_some(&*self.otlp_endpoint)
    }

    pub(super) fn sampler(&self) -> Sampler {
        let by_parent = |root| Sampler::ParentBased(Box::new(root));
        let ratio = Sampler::TraceIdRatioBased(self.traces_sampler_arg);
        match self.traces_sampler {
            TracesSampler::AlwaysOn => Sampler::AlwaysOn,
            TracesSampler::AlwaysOff => Sampler::AlwaysOff,
            TracesSampler::TraceIdRatio => ratio,
            TracesSampler::ParentBasedAlwaysOn => by_parent(Sampler::AlwaysOn),
            TracesSampler::ParentBasedAlwaysOff => by_parent(Sampler::AlwaysOff),
            TracesSampler::ParentBasedTraceIdRatio => by_parent(ratio),
        }
    }
}

fn endpoint(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text.to_owned()),
        _ => Err("not the URL of a collector, such as http://localhost:4317".to_owned()),
    }
}

fn ratio(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "not a number from 0 to 1".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        traces: TraceOptions,
    }

    fn parsed(flags: &[&str]) -> Result<TraceOptions, String> {
        let flags = Flags::try_parse_from([&["x"], flags].concat());
        flags.map(|flags| flags.traces).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_traced_unless_a_collector_is_named() {
        assert_eq!(parsed(&[]).unwrap().endpoint(), None);
        assert_eq!(parsed(&["--otlp-endpoint", ""]).unwrap().endpoint(), None);
        let named = parsed(&["--otlp-endpoint", "http://localhost:4317"]).unwrap();
        assert_eq!(named.endpoint(), Some("http://localhost:4317"));
    }

    #[test]
    fn samplers_have_the_names_of_the_specification() {
        let kept = |flags: &[&str]| format!("{:?}", parsed(flags).unwrap().sampler());
        assert_eq!(kept(&[]), "ParentBased(AlwaysOn)");
        assert_eq!(kept(&["--traces-sampler", "always_off"]), "AlwaysOff");
        let ratio = ["--traces-sampler", "parentbased_traceidratio", "--traces-sampler-arg", "0.1"];
        assert_eq!(kept(&ratio), "ParentBased(TraceIdRatioBased(0.1))");
    }

    #[test]
    fn mistakes_are_named() {
        for (flag, bad) in [
            ("--otlp-endpoint", "localhost:4317"),
            ("--otlp-endpoint", "file:///tmp"),
            ("--traces-sampler", "sometimes"),
            ("--traces-sampler-arg", "1.5"),
            ("--traces-sampler-arg", "NaN"),
        ] {
            assert!(parsed(&[flag, bad]).unwrap_err().contains(flag), "{flag} {bad}");
        }
    }
}
