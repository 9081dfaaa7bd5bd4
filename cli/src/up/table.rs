use std::fmt::Write;

use anstyle::Style;

use super::args::UpArgs;
use super::part::Part;

/// What is where, and the first things to type.
pub fn table(args: &UpArgs) -> String {
    let (title, dim) = (Style::new().bold(), Style::new().dimmed());
    let rows = rows(args);
    let width = rows.iter().map(|(what, _)| what.len()).max().unwrap_or(0);
    let mut text = format!("\n{title}Signalbox is up.{title:#}\n\n");
    for (what, address) in rows {
        let _ = writeln!(text, "  {what:<width$}  {address}");
    }
    if args.has(Part::Ingress) {
        let _ = writeln!(text, "\n{title}Try{title:#}\n");
        first_steps(args.api_port).iter().for_each(|line| {
            let _ = writeln!(text, "  {line}");
        });
    }
    let _ = writeln!(text, "\n{dim}{} Ctrl-C stops everything.{dim:#}", what_is_kept(args));
    text
}

fn rows(args: &UpArgs) -> Vec<(&'static str, String)> {
    let UpArgs { api_port, nats_port, temporal_port, temporal_ui_port, jaeger_ui_port, .. } = args;
    let own = [
        (Part::Ingress, "API", format!("http://localhost:{api_port}")),
        (Part::Ingress, "API documentation", format!("http://localhost:{api_port}/docs")),
        (Part::Temporal, "Temporal UI", format!("http://localhost:{temporal_ui_port}")),
        (Part::Temporal, "Temporal gRPC", format!("localhost:{temporal_port}")),
        (Part::Jaeger, "Traces", format!("http://localhost:{jaeger_ui_port}")),
        (Part::Nats, "NATS", format!("nats://localhost:{nats_port}")),
    ];
    let metrics = [
        (Part::SignalRouter, "signal-router metrics"),
        (Part::SchedulerManager, "scheduler metrics"),
        (Part::Worker, "worker metrics"),
    ];
    let metrics =
        metrics.map(|(part, what)| (part, what, format!("http://localhost:{}/metrics", args.port(part))));
    let present = own.into_iter().chain(metrics).filter(|(part, ..)| args.has(*part));
    present.map(|(_, what, address)| (what, address)).collect()
}

fn first_steps(api_port: u16) -> [String; 4] {
    let api = format!("http://localhost:{api_port}");
    [
        format!("curl -X POST '{api}/trigger-workflow/hello?name=Ada'"),
        format!("curl -X POST '{api}/signal-workflow/hello?message=hi'"),
        format!("curl -X POST '{api}/stop-workflow/hello'"),
        format!("curl '{api}/workflow-result/hello'"),
    ]
}

fn what_is_kept(args: &UpArgs) -> String {
    if args.ephemeral {
        "Nothing is kept.".to_owned()
    } else {
        format!("Data is kept in {}.", args.data_dir.display())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        up: UpArgs,
    }

    fn plain(flags: &str) -> String {
        anstream::adapter::strip_str(&table(&Flags::parse_from(flags.split_whitespace()).up)).to_string()
    }

    #[test]
    fn shows_where_everything_is() {
        insta::assert_snapshot!(plain("up --api-port 9000"), @r"
        Signalbox is up.

          API                    http://localhost:9000
          API documentation      http://localhost:9000/docs
          Temporal UI            http://localhost:8233
          Temporal gRPC          localhost:7233
          Traces                 http://localhost:16686
          NATS                   nats://localhost:4222
          signal-router metrics  http://localhost:8101/metrics
          scheduler metrics      http://localhost:8102/metrics
          worker metrics         http://localhost:8103/metrics

        Try

          curl -X POST 'http://localhost:9000/trigger-workflow/hello?name=Ada'
          curl -X POST 'http://localhost:9000/signal-workflow/hello?message=hi'
          curl -X POST 'http://localhost:9000/stop-workflow/hello'
          curl 'http://localhost:9000/workflow-result/hello'

        Data is kept in .signalbox/data. Ctrl-C stops everything.
        ");
    }

    #[test]
    fn leaves_out_what_is_not_run() {
        insta::assert_snapshot!(plain("up --ephemeral --without ingress --without nats --without jaeger"), @r"
        Signalbox is up.

          Temporal UI            http://localhost:8233
          Temporal gRPC          localhost:7233
          signal-router metrics  http://localhost:8101/metrics
          scheduler metrics      http://localhost:8102/metrics
          worker metrics         http://localhost:8103/metrics

        Nothing is kept. Ctrl-C stops everything.
        ");
    }
}
